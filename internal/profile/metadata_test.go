package profile

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

func TestFoldMetadata(t *testing.T) {
	got := FoldMetadata(Sighting(moment(20, 2), "z", "web"), Metadata{}, Sighting(moment(10, 1), "m1", "ios"), Sighting(moment(20, 3), "a", "ios"))
	want := Metadata{First: moment(10, 1), FirstMessageID: "m1", FirstSourceID: "ios", Last: moment(20, 3), LastMessageID: "a", LastSourceID: "ios"}
	if got != want {
		t.Errorf("\n got %+v\nwant %+v", got, want)
	}
	if FoldMetadata() != (Metadata{}) || FoldMetadata(Metadata{}, Metadata{}) != (Metadata{}) {
		t.Error("nothing folds to something")
	}
}

func TestFoldMetadataDoesNotKnowOrder(t *testing.T) {
	one := rapid.Custom(func(t *rapid.T) Metadata {
		if rapid.IntRange(0, 9).Draw(t, "empty") == 0 {
			return Metadata{}
		}
		n := rapid.IntRange(1, 12).Draw(t, "event")
		return Sighting(moment(int64(n%4-1), n), fmt.Sprint("m", n*7%5), []string{"ios", "web"}[n%2])
	})
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOfN(one, 0, 8).Draw(t, "parts")
		want := FoldMetadata(parts...)
		cut := rapid.IntRange(0, len(parts)).Draw(t, "cut")
		for _, got := range []Metadata{
			FoldMetadata(rapid.Permutation(parts).Draw(t, "order")...),
			FoldMetadata(FoldMetadata(parts[cut:]...), FoldMetadata(parts[:cut]...), want),
		} {
			if got != want {
				t.Fatalf("\n got %+v\nwant %+v", got, want)
			}
		}
	})
}
