package profile

import (
	"testing"

	"pgregory.net/rapid"
)

func TestFoldMetadata(t *testing.T) {
	got := FoldMetadata(Sighting(20, "m2", "web"), Metadata{}, Sighting(10, "m1", "ios"), Sighting(20, "m3", "ios"))
	want := Metadata{CreatedAt: 10, FirstMessageID: "m1", FirstSourceID: "ios", UpdatedAt: 20, LastMessageID: "m3", LastSourceID: "ios"}
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
		return Sighting(rapid.Int64Range(-1, 3).Draw(t, "time"), rapid.SampledFrom([]string{"m1", "m2"}).Draw(t, "message"), rapid.SampledFrom([]string{"ios", "web"}).Draw(t, "source"))
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
