// Package terminal is where commands write: screens that are safe from what they show,
// colour, tables, progress bars, numbers and times for people, JSON and YAML for programs.
package terminal
