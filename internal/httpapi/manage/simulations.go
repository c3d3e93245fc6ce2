package manage

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/segmentio/ksuid"

	"github.com/selfsame-id/selfsame/internal/api"
	"github.com/selfsame-id/selfsame/internal/httpapi/answer"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/rules"
)

// Simulator says what draft rules would change.
type Simulator interface {
	PlanSimulation(ctx context.Context, draft identity.Rules) (rules.SimulationPlan, error)
	Simulate(ctx context.Context, draft identity.Rules, progress space.Progress) (*rules.Simulated, error)
}

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

// simulationJob is a simulation that runs, or has run, on this node.
type simulationJob struct {
	api.Simulation
	cancel context.CancelFunc
}

// simulations are the jobs of a node, the newest last.
type simulations struct {
	mu   sync.Mutex
	jobs []*simulationJob
}

// add makes room for a job, or says that too many run.
func (s *simulations) add(job *simulationJob) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	running := 0
	for _, j := range s.jobs {
		if j.State == jobRunning {
			running++
		}
	}
	if running >= mostRunning {
		p := answer.New(http.StatusTooManyRequests, answer.RateLimit, "%d simulations are already running. Wait for one to finish, or cancel it.", running)
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
func (s *simulations) find(space, id string) (simulationJob, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, j := range s.jobs {
		if j.Space == space && j.ID == id {
			return *j, nil
		}
	}
	return simulationJob{}, answer.New(http.StatusNotFound, answer.NotFound,
		"This node has no such simulation. It keeps the last %d, until it stops.", mostSimulations)
}

func (s *simulations) change(job *simulationJob, f func(*simulationJob)) {
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
	job := &simulationJob{Simulation: api.Simulation{
		ID: "sim_" + ksuid.New().String(), Space: r.PathValue("space"), State: jobRunning, By: r.Header.Get(userHeader),
		Started: h.Now().UTC(), Progress: &api.Progress{Stage: "reading"}, Rules: rules,
		Plan: api.SimulationPlan{Strands: plan.Strands, Reread: plan.Reread, Events: plan.Events, Estimate: plan.Estimate.Milliseconds()},
	}, cancel: cancel}
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
				h.simulations.change(job, func(j *simulationJob) { j.Progress = &api.Progress{Stage: stage, Done: done, Total: total} })
			}
		})
		h.simulations.change(job, func(j *simulationJob) {
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
func (h *handler) follow(w http.ResponseWriter, r *http.Request, job *simulationJob) error {
	control := http.NewResponseController(w)
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.WriteHeader(http.StatusOK)
	lines := answer.Lines(w)
	var last time.Time
	for pause := 2 * time.Millisecond; ; pause = min(pause*2, 100*time.Millisecond) {
		var now simulationJob
		h.simulations.change(job, func(j *simulationJob) { now = *j })
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
	list := []api.Simulation{}
	h.simulations.mu.Lock()
	for _, j := range slices.Backward(h.simulations.jobs) {
		if j.Space == r.PathValue("space") {
			one := j.Simulation
			one.Report = nil
			list = append(list, one)
		}
	}
	h.simulations.mu.Unlock()
	return ok(w, paged(list, api.Cursor{Limit: mostSimulations}))
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
