package manage

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/selfsame-id/selfsame/internal/api"
	"github.com/selfsame-id/selfsame/internal/compute"
	"github.com/selfsame-id/selfsame/internal/deliver"
	"github.com/selfsame-id/selfsame/internal/httpapi/answer"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/computed"
	"github.com/selfsame-id/selfsame/internal/space/query"
)

// Definitions reads and sets the definitions of computed traits and audiences, and reads
// what they make of profiles.
type Definitions interface {
	DefinitionsBehind(ctx context.Context) (computed.Behind, error)
	DefinitionsStatus(ctx context.Context) (computed.Overview, error)
	DefinitionsVersion(ctx context.Context, revision uint64) (computed.Version, error)
	DefinitionsHistory(ctx context.Context, limit int, next string) (computed.VersionPage, error)
	PreviewDefinitions(ctx context.Context, document []byte) (computed.Diff, error)
	ApplyDefinitions(ctx context.Context, document []byte, only *uint64) (computed.Diff, error)
	PreviewAudience(ctx context.Context, document []byte, key string, sample int) (computed.AudiencePreview, error)
	AudienceMembers(ctx context.Context, key string, limit int, next string) (computed.MemberPage, error)
	ComputedValues(ctx context.Context, ref space.Ref) (computed.Values, error)
	ComputedHistory(ctx context.Context, ref space.Ref, q computed.HistoryQuery) (computed.History, error)
}

func definitionsVersionOf(v *computed.Version) api.DefinitionsVersion {
	return api.DefinitionsVersion{Revision: v.Revision, Document: v.Document, SetAt: answer.TimeIfAny(v.SetAt), SetBy: v.SetBy, SetFor: v.SetFor, Why: v.Why}
}

func definitionOf(s *computed.Status) api.Definition {
	d := api.Definition{
		Key: s.Key, Kind: "trait", Collection: s.Collection.String(), Name: s.Name, Description: s.Description,
		Disabled: s.Disabled, Complete: s.Complete, Problems: make([]api.DefinitionProblem, len(s.Problems)),
	}
	for i, p := range s.Problems {
		d.Problems[i] = api.DefinitionProblem{Where: p.Where, Problem: p.Kind.String(), Count: p.Count}
	}
	if s.Audience {
		d.Kind, d.Members, d.AsOf = "audience", &s.Members, answer.TimeIfAny(s.AsOf)
	}
	return d
}

// getDefinitions shows the definitions in force and how far they are.
func (h *handler) getDefinitions(w http.ResponseWriter, r *http.Request) error {
	s, err := h.open(r)
	if err != nil {
		return err
	}
	status, err := s.DefinitionsStatus(r.Context())
	if err != nil {
		return err
	}
	a := api.Definitions{Declared: status.Declared, Definitions: make([]api.Definition, 0, len(status.Definitions))}
	if status.Revision > 0 {
		v, err := s.DefinitionsVersion(r.Context(), status.Revision)
		if err != nil {
			return err
		}
		a.DefinitionsVersion = definitionsVersionOf(&v)
	}
	destinations, err := s.DestinationsDocument(r.Context())
	if err != nil {
		return err
	}
	if a.Document, err = deliver.Whole(a.Document, destinations); err != nil {
		return err
	}
	for i := range status.Definitions {
		a.Definitions = append(a.Definitions, definitionOf(&status.Definitions[i]))
	}
	if p := status.Progress; p != nil {
		a.Progress = &api.DefinitionsProgress{Stage: p.Stage, Done: p.Done, Total: p.Total, Since: time.Unix(0, p.Since).UTC()}
	}
	a.Behind = api.DefinitionsBehind{Commits: status.Behind.Records, Seconds: status.Behind.Time.Seconds()}
	tag(w, status.Revision)
	return ok(w, a)
}

// checkDefinitions says what a document would change.
func (h *handler) checkDefinitions(w http.ResponseWriter, r *http.Request) error {
	s, err := h.open(r)
	if err != nil {
		return err
	}
	buf, err := h.read(w, r, compute.MaxDocument)
	if err != nil {
		return err
	}
	defer buf.Release()
	diff, err := s.PreviewDefinitions(r.Context(), buf.Bytes())
	if err != nil {
		return definitionsError(err)
	}
	if err := deliver.CheckNames(buf.Bytes()); err != nil {
		return destinationsError(err)
	}
	plan, err := s.CheckDestinations(r.Context(), buf.Bytes())
	if err != nil {
		return destinationsError(err)
	}
	return ok(w, definitionsChange(&diff, plan, false))
}

// setDefinitions puts a document in force.
func (h *handler) setDefinitions(w http.ResponseWriter, r *http.Request) error {
	s, err := h.open(r)
	if err != nil {
		return err
	}
	only, err := onlyIf(r)
	if err != nil {
		return err
	}
	buf, err := h.read(w, r, compute.MaxDocument)
	if err != nil {
		return err
	}
	defer buf.Release()
	// A mistake in either part leaves both as they are.
	if _, err := s.PreviewDefinitions(r.Context(), buf.Bytes()); err != nil {
		return definitionsError(err)
	}
	if _, err := s.CheckDestinations(r.Context(), buf.Bytes()); err != nil {
		return destinationsError(err)
	}
	if err := deliver.CheckNames(buf.Bytes()); err != nil {
		return destinationsError(err)
	}
	diff, err := s.ApplyDefinitions(untilDone(r), buf.Bytes(), only)
	if err != nil {
		return definitionsError(err)
	}
	plan, err := s.ApplyDestinations(untilDone(r), buf.Bytes())
	if err != nil {
		return destinationsError(err)
	}
	tag(w, diff.Revision)
	return ok(w, definitionsChange(&diff, plan, true))
}

func definitionsError(err error) error {
	var mistakes compute.Mistakes
	switch {
	case errors.As(err, &mistakes):
		each := make([]error, len(mistakes))
		for i := range mistakes {
			each[i] = errors.New(mistakes[i].String())
		}
		return answer.Mistakes("the definitions have mistakes", errors.Join(each...))
	case errors.Is(err, computed.ErrDeclared):
		return answer.New(http.StatusConflict, answer.Conflict, "The definitions of this space are declared in the configuration; change its file of definitions and restart the server.")
	}
	return err
}

func definitionsChange(d *computed.Diff, p *deliver.Plan, applied bool) api.DefinitionsChange {
	list := func(l []string) []string { return append([]string{}, l...) }
	return api.DefinitionsChange{
		Revision: d.Revision, Applied: applied, Added: list(d.Added), Changed: list(d.Changed), Described: list(d.Described),
		Disabled: list(d.Disabled), Enabled: list(d.Enabled), Removed: list(d.Removed), Unchanged: d.Unchanged,
		Destinations: *destinationsChange(p),
	}
}

// definitionsHistory lists the versions of the definitions, the newest first.
func (h *handler) definitionsHistory(w http.ResponseWriter, r *http.Request) error {
	s, err := h.open(r)
	if err != nil {
		return err
	}
	at, err := pageOf(r)
	if err != nil {
		return err
	}
	p, err := s.DefinitionsHistory(r.Context(), at.limit, at.next)
	if err != nil {
		return err
	}
	return ok(w, listed(at, p.Versions, p.Next, definitionsVersionOf))
}

// definitionsVersion shows one version of the definitions.
func (h *handler) definitionsVersion(w http.ResponseWriter, r *http.Request) error {
	s, err := h.open(r)
	if err != nil {
		return err
	}
	n, err := strconv.ParseUint(r.PathValue("version"), 10, 64)
	if err != nil || n == 0 {
		return answer.BadParameter("%q is not the number of a version of the definitions.", r.PathValue("version"))
	}
	v, err := s.DefinitionsVersion(r.Context(), n)
	if err != nil {
		return err
	}
	return ok(w, definitionsVersionOf(&v))
}

// audienceMembers lists the members of an audience.
func (h *handler) audienceMembers(w http.ResponseWriter, r *http.Request) error {
	s, err := h.open(r)
	if err != nil {
		return err
	}
	at, err := pageOf(r)
	if err != nil {
		return err
	}
	p, err := s.AudienceMembers(r.Context(), r.PathValue("audience"), at.limit, at.next)
	if err != nil {
		return err
	}
	return ok(w, api.AudienceMembers{Page: listed(at, p.Members, p.Next, memberOf), Audience: definitionOf(&p.Status)})
}

func memberOf(m *computed.Member) api.AudienceMember {
	return api.AudienceMember{ID: m.Profile, Since: time.Unix(0, m.Since).UTC()}
}

// computedValues shows what the definitions make of a profile.
func (h *handler) computedValues(w http.ResponseWriter, r *http.Request) error {
	s, ref, err := h.openProfile(r)
	if err != nil {
		return err
	}
	v, err := s.ComputedValues(r.Context(), ref)
	if err == nil && v.Revision == 0 {
		var p query.Profile
		p, err = s.Profile(r.Context(), ref)
		v.Profile, v.AsOf = p.ID, h.Now().UnixNano()
	}
	if err != nil {
		return err
	}
	a := api.ComputedValues{
		ID: v.Profile, Revision: v.Revision, AsOf: time.Unix(0, v.AsOf).UTC(),
		Traits: make([]api.ComputedTrait, len(v.Traits)), Audiences: make([]api.ComputedMembership, len(v.Audiences)),
	}
	for i, t := range v.Traits {
		a.Traits[i] = api.ComputedTrait{Key: t.Key, Value: json.RawMessage(t.JSON), Since: time.Unix(0, t.Since).UTC()}
	}
	for i, m := range v.Audiences {
		a.Audiences[i] = api.ComputedMembership{Key: m.Key, Member: m.In}
		if m.In {
			a.Audiences[i].Since = answer.TimeIfAny(m.Since)
		}
	}
	return ok(w, a)
}

// previewSample is how many members a preview shows.
const previewSample = 20

// previewAudience says who would be in an audience of a document that is not in force.
func (h *handler) previewAudience(w http.ResponseWriter, r *http.Request) error {
	s, err := h.open(r)
	if err != nil {
		return err
	}
	buf, err := h.read(w, r, compute.MaxDocument)
	if err != nil {
		return err
	}
	defer buf.Release()
	p, err := s.PreviewAudience(r.Context(), buf.Bytes(), r.PathValue("audience"), previewSample)
	if err != nil {
		return definitionsError(err)
	}
	return ok(w, api.AudiencePreview{Key: p.Key, Members: p.Members, AsOf: time.Unix(0, p.AsOf).UTC(), Sample: append([]string{}, p.Sample...)})
}
