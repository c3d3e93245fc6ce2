import { createTheme, type CSSVariablesResolver, type MantineColorsTuple } from '@mantine/core'

const iris: MantineColorsTuple = [
  '#eef0ff', '#dfe2fd', '#bcc2f5', '#969fee', '#7680e8', '#626de5', '#4f5ae0', '#4338ca', '#3730a3', '#2e2883',
]
const ink: MantineColorsTuple = [
  '#f7f8fa', '#eef0f4', '#dfe2e9', '#c3c9d5', '#9aa3b5', '#727d93', '#566178', '#414b60', '#2b3346', '#1a2130',
]

const dark: MantineColorsTuple = [
  '#e7eaf2', '#cdd3e0', '#a3adc2', '#7d88a0', '#3a4256', '#2f3648', '#232939', '#191d28', '#151822', '#101319',
]

export const theme = createTheme({
  primaryColor: 'iris',
  primaryShade: { light: 7, dark: 6 },
  colors: { iris, ink, dark },
  fontFamily: "'Inter Variable', system-ui, -apple-system, 'Segoe UI', sans-serif",
  fontFamilyMonospace: "ui-monospace, 'SF Mono', 'Cascadia Code', Menlo, Consolas, monospace",
  headings: { fontWeight: '650' },
  defaultRadius: 'md',
  cursorType: 'pointer',
  autoContrast: true,
})

// Texts on tinted grounds and beside inputs are dark enough to be read by everyone.
const texts = { '--mantine-color-dimmed': 'var(--muted)', '--mantine-color-placeholder': 'var(--faint)' }
const tinted = ['teal', 'red', 'orange', 'gray', 'pink', 'blue', 'iris', 'green', 'yellow']
export const variables: CSSVariablesResolver = () => ({
  variables: {},
  light: { ...texts, ...Object.fromEntries(tinted.map((c) => [`--mantine-color-${c}-light-color`, `color-mix(in srgb, var(--mantine-color-${c}-9) 82%, black)`])) },
  dark: { ...texts, ...Object.fromEntries(tinted.map((c) => [`--mantine-color-${c}-light-color`, `var(--mantine-color-${c}-1)`])) },
})

// laneColors tell apps and devices apart, in both schemes and for those who do not
// see all colours; names stand beside them everywhere.
export const laneColors = ['#4f5ae0', '#e07b39', '#14917e', '#c0498d', '#a07b16', '#3a8fd0', '#7a53c7', '#6b7a3a']
