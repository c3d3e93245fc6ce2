package profile

import (
	"fmt"
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

func TestFoldIdentifiers(t *testing.T) {
	iphone := []Identifier{
		{"anonymous_id", "anon_123", moment(10, 1+1), "m1", "ios"},
		{"ios.id", "ios_abc", moment(10, 1+1), "m1", "ios"},
	}
	login := []Identifier{
		{"user_id", "abc", moment(30, 3+1), "m3", "ios"},
		{"anonymous_id", "anon_123", moment(30, 3+1), "m3", "ios"},
		{"email", "jane@example.com", moment(30, 3+1), "m3", "ios"},
	}
	early := []Identifier{{"user_id", "abc", moment(5, 0+1), "m0", "import"}}
	got := FoldIdentifiers(iphone, login, early)
	want := []Identifier{
		{"user_id", "abc", moment(5, 0+1), "m0", "import"},
		{"anonymous_id", "anon_123", moment(10, 1+1), "m1", "ios"},
		{"ios.id", "ios_abc", moment(10, 1+1), "m1", "ios"},
		{"email", "jane@example.com", moment(30, 3+1), "m3", "ios"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("\n got %v\nwant %v", got, want)
	}
	if len(FoldIdentifiers()) != 0 || len(FoldIdentifiers(nil, nil)) != 0 {
		t.Error("nothing folds to something")
	}
}

func TestFoldIdentifiersDoesNotKnowOrder(t *testing.T) {
	one := rapid.Custom(func(t *rapid.T) Identifier {
		n := rapid.IntRange(1, 12).Draw(t, "event")
		return Identifier{
			Type: rapid.SampledFrom([]string{"email", "user_id"}).Draw(t, "type"), Value: rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "value"),
			Moment: moment(int64(n%4), n), MessageID: fmt.Sprint("m", n*7%5), Source: []string{"ios", "web"}[n%2],
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		lists := rapid.SliceOfN(rapid.SliceOfN(one, 0, 6), 0, 6).Draw(t, "lists")
		want := FoldIdentifiers(lists...)
		if got := FoldIdentifiers(rapid.Permutation(lists).Draw(t, "order")...); !reflect.DeepEqual(got, want) {
			t.Fatalf("shuffled: %v, want %v", got, want)
		}
		cut := rapid.IntRange(0, len(lists)).Draw(t, "cut")
		if got := FoldIdentifiers(FoldIdentifiers(lists[cut:]...), FoldIdentifiers(lists[:cut]...), want); !reflect.DeepEqual(got, want) {
			t.Fatalf("nested: %v, want %v", got, want)
		}
		for i, id := range want {
			for _, l := range lists {
				for _, other := range l {
					if other.Type == id.Type && other.Value == id.Value && compareSighting(other, id) < 0 {
						t.Fatalf("%v was seen earlier: %v", id, other)
					}
				}
			}
			if i > 0 && compareSighting(want[i-1], id) > 0 {
				t.Fatalf("not oldest first: %v", want)
			}
		}
	})
}
