package tx

import "time"

// rulesSlack is how far the clocks of nodes may be apart, with the time that a
// change of rules takes to reach all of them.
const rulesSlack = 10 * time.Second

// RulesKnown is the time, in nanoseconds since 1970, after which all that came was
// looked at by the rules of the view.
func (v *View) RulesKnown() int64 { return RulesKnown(v.rulesSince, v.read != nil) }

// RulesKnown is that time for rules that were set at a time, on a store that other nodes
// write as well or not.
func RulesKnown(setAt int64, shared bool) int64 {
	if shared {
		setAt += int64(rulesSlack)
	}
	return setAt
}
