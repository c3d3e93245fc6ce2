package manage

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/segmentio/ksuid"

	"github.com/selfsame-id/selfsame/internal/httpapi/answer"
	"github.com/selfsame-id/selfsame/internal/identity"
)

// The states of a simulation.
const (
	jobRunning   = "running"
	jobDone      = "done"
	jobFailed    = "failed"
	jobCancelled = "cancelled"
)

// The bounds of what a node remembers: reports are for looking at, not for
// keeping.
const (
	mostRunning     = 2
	mostSimulations = 20
)

// simulation is a job: what draft rules would change, worked out in the
// background on this node.
type simulation struct {
	ID       string            `json:"id"`
	Space    string            `json:"space"`
	State    string            `json:"state"`
	By       string            `json:"by"`
	Started  time.Time         `json:"started_at"`
	Ended    *time.Time        `json:"ended_at"`
	Plan     planAnswer        `json:"plan"`
	Progress *progress         `json:"progress"`
	Rules    identity.Rules    `json:"rules"`
	Error    string            `json:"error,omitempty"`
	Report   *simulationReport `json:"report,omitempty"`

	cancel context.CancelFunc
}

// planAnswer says what a simulation takes, before it begins. reads_events says
// that the draft looks for IDs in other places, so that all events are read.
type planAnswer struct {
	Strands  int64 `json:"strands"`
	Reread   bool  `json:"reads_events"`
	Events   int64 `json:"events,omitempty"`
	Estimate int64 `json:"estimated_ms,omitempty"`
}

// simulations are the jobs of a node, the newest last.
type simulations struct {
	mu   sync.Mutex
	jobs []*simulation
}

// add makes room for a job, or says that too many run.
func (s *simulations) add(job *simulation) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	running := 0
	for _, j := range s.jobs {
		if j.State == jobRunning {
			running++
		}
	}
	if running >= mostRunning {
		p := answer.New(http.StatusTooManyRequests, answer.RateLimit, "%d simulations run already. Wait for one, or cancel it.", running)
		p.RetryAfter = 5 * time.Second
		return p
	}
	s.jobs = append(s.jobs, job)
	for i := 0; len(s.jobs) > mostSimulations && i < len(s.jobs); {
		if s.jobs[i].State == jobRunning {
			i++
			continue
		}
		s.jobs = slices.Delete(s.jobs, i, i+1)
	}
	return nil
}

// find returns a copy of a job of a space.
func (s *simulations) find(space, id string) (simulation, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, j := range s.jobs {
		if j.Space == space && j.ID == id {
			return *j, nil
		}
	}
	return simulation{}, answer.New(http.StatusNotFound, answer.NotFound,
		"This node has no such simulation. It keeps the last %d, until it stops.", mostSimulations)
}

func (s *simulations) change(job *simulation, f func(*simulation)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(job)
}

// startSimulation works out what draft rules would change, in the background;
// with ?follow=true the answer is the job again and again, as lines, until it has
// ended. Behind a load balancer that is the way to hear of a job, for other
// nodes do not know it.
func (h *handler) startSimulation(w http.ResponseWriter, r *http.Request) error {
	s, err := h.open(r)
	if err != nil {
		return err
	}
	var rules identity.Rules
	if err := h.document(w, r, &rules); err != nil {
		return err
	}
	if _, err := identity.Compile(rules); err != nil {
		return answer.Mistakes("the rules have mistakes", err)
	}
	follow, err := flag(r, "follow")
	if err != nil {
		return err
	}
	plan, err := s.PlanSimulation(r.Context(), rules)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(r.Context()))
	job := &simulation{
		ID: "sim_" + ksuid.New().String(), Space: r.PathValue("space"), State: jobRunning, By: r.Header.Get(userHeader),
		Started: h.Now().UTC(), Progress: &progress{Stage: "reading"}, Rules: rules, cancel: cancel,
		Plan: planAnswer{Strands: plan.Strands, Reread: plan.Reread, Events: plan.Events, Estimate: plan.Estimate.Milliseconds()},
	}
	if err := h.simulations.add(job); err != nil {
		cancel()
		return err
	}
	go func() {
		defer cancel()
		var last time.Time
		report, err := s.Simulate(ctx, rules, func(stage string, done, total int64) {
			if now := time.Now(); now.Sub(last) > 50*time.Millisecond {
				last = now
				h.simulations.change(job, func(j *simulation) { j.Progress = &progress{stage, done, total} })
			}
		})
		h.simulations.change(job, func(j *simulation) {
			now := h.Now().UTC()
			j.Ended, j.Progress = &now, nil
			switch {
			case errors.Is(err, context.Canceled):
				j.State = jobCancelled
			case err != nil:
				j.State, j.Error = jobFailed, answer.Of(err).Message
				h.Log.Error("a simulation failed", "space", j.Space, "error", err)
			default:
				j.State, j.Report = jobDone, simulationOf(report)
			}
		})
	}()
	if follow {
		return h.follow(w, r, job)
	}
	copied, err := h.simulations.find(job.Space, job.ID)
	if err != nil {
		return err
	}
	w.Header().Set("Location", "/api/spaces/"+job.Space+"/simulations/"+job.ID)
	answer.JSON(w, http.StatusAccepted, copied)
	return nil
}

// follow writes a job as a line of JSON, now and then while it runs and at last
// when it has ended. Who hangs up cancels it.
func (h *handler) follow(w http.ResponseWriter, r *http.Request, job *simulation) error {
	control := http.NewResponseController(w)
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.WriteHeader(http.StatusOK)
	lines := answer.Lines(w)
	var last time.Time
	for pause := 2 * time.Millisecond; ; pause = min(pause*2, 100*time.Millisecond) {
		var now simulation
		h.simulations.change(job, func(j *simulation) { now = *j })
		if t := time.Now(); now.State != jobRunning || t.Sub(last) >= progressEvery {
			last = t
			_ = lines.Encode(now)
			_ = control.Flush()
		}
		if now.State != jobRunning {
			return nil
		}
		select {
		case <-time.After(pause):
		case <-r.Context().Done():
			job.cancel()
			return nil
		}
	}
}

// listSimulations lists the simulations of a space on this node, the newest
// first, without their reports.
func (h *handler) listSimulations(w http.ResponseWriter, r *http.Request) error {
	if _, err := h.open(r); err != nil {
		return err
	}
	list := []simulation{}
	h.simulations.mu.Lock()
	for _, j := range slices.Backward(h.simulations.jobs) {
		if j.Space == r.PathValue("space") {
			one := *j
			one.Report = nil
			list = append(list, one)
		}
	}
	h.simulations.mu.Unlock()
	return ok(w, page{list, cursor{Limit: mostSimulations}})
}

func (h *handler) getSimulation(w http.ResponseWriter, r *http.Request) error {
	job, err := h.simulations.find(r.PathValue("space"), r.PathValue("simulation"))
	if err != nil {
		return err
	}
	return ok(w, job)
}

// cancelSimulation ends a simulation; one that has ended stays as it is.
func (h *handler) cancelSimulation(w http.ResponseWriter, r *http.Request) error {
	job, err := h.simulations.find(r.PathValue("space"), r.PathValue("simulation"))
	if err != nil {
		return err
	}
	job.cancel()
	w.WriteHeader(http.StatusNoContent)
	return nil
}
