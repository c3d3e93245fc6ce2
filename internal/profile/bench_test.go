package profile

import (
	"fmt"
	"testing"
)

// strandSets makes n strands of ten traits each, of which most share names.
func strandSets(n int) []Traits {
	sets := make([]Traits, n)
	for i := range sets {
		var news []Trait
		for k := range 10 {
			name := fmt.Sprintf("trait_%02d", k)
			if k == 9 {
				name = fmt.Sprintf("rare_%04d", i)
			}
			news = append(news, Trait{Name: name, Value: []byte(`"some value"`), Moment: moment(int64(i*7919%1000), i), MessageID: fmt.Sprintf("m-%d", i), Source: "web"})
		}
		sets[i], _ = Traits(nil).Apply(news)
	}
	return sets
}

// BenchmarkFold1000x10 folds the traits of a profile of 1,000 strands.
func BenchmarkFold1000x10(b *testing.B) {
	sets := strandSets(1000)
	for b.Loop() {
		FoldTraits(sets...)
	}
}

// BenchmarkDecodeFold1000x10 decodes them first, as a read from the store does.
func BenchmarkDecodeFold1000x10(b *testing.B) {
	var encoded [][]byte
	for _, s := range strandSets(1000) {
		encoded = append(encoded, AppendTraits(nil, s))
	}
	for b.Loop() {
		sets := make([]Traits, len(encoded))
		for i, e := range encoded {
			var err error
			if sets[i], err = DecodeTraits(e); err != nil {
				b.Fatal(err)
			}
		}
		FoldTraits(sets...)
	}
}

// BenchmarkApply applies an identify of ten traits to a strand that has them.
func BenchmarkApply(b *testing.B) {
	set := strandSets(1)[0]
	news := make([]Trait, len(set))
	time := int64(1)
	for b.Loop() {
		copy(news, set)
		for i := range news {
			news[i].Time = time
		}
		time++
		set, _ = set.Apply(news)
	}
}

// BenchmarkFoldIdentifiers1000x3 folds the identifiers of 1,000 strands.
func BenchmarkFoldIdentifiers1000x3(b *testing.B) {
	lists := make([][]Identifier, 1000)
	for i := range lists {
		lists[i] = []Identifier{
			{"user_id", "abc", moment(int64(i), i), "m", "web"},
			{"email", "jane@example.com", moment(int64(i), i), "m", "web"},
			{"anonymous_id", fmt.Sprint("anon_", i*7919%1000), moment(int64(i), i), "m", "web"},
		}
	}
	for b.Loop() {
		FoldIdentifiers(lists...)
	}
}
