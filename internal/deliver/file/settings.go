package file

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/selfsame-id/selfsame/internal/deliver"
	"github.com/selfsame-id/selfsame/internal/deliver/outgoing"
	"github.com/selfsame-id/selfsame/internal/deliver/payload"
)

// Kind is the kind of destinations.
type Kind struct{}

// settings are those of one destination.
type settings struct {
	path   string // below the directory of the destinations' files
	format format
	size   int64         // a file is rotated when it has that many bytes
	every  time.Duration // or is that old
	s3     *s3Settings   // nil: files of this machine
}

// format makes a line of a message.
type format func(space string, m *deliver.Message) ([]byte, error)

// s3Settings say where objects go.
type s3Settings struct {
	endpoint, bucket, region, prefix string
	access, secret                   string
	plain                            bool // over http
	every                            time.Duration
	timeout                          time.Duration
}

// Parse implements deliver.Kind.
func (Kind) Parse(s *deliver.Section, _ *deliver.Definition) deliver.Settings {
	f := &settings{
		path:  s.Text("path"),
		every: s.Duration("every", 24*time.Hour, time.Second, 31*24*time.Hour),
		size:  int64(s.Number("size_mb", 100, 1, 10_000)) << 20,
	}
	f.format = payload.Standard
	if as := s.Choice("format", "standard", "segment"); as == "segment" {
		f.format = func(space string, m *deliver.Message) ([]byte, error) {
			return payload.Segment(space, m, payload.Track)
		}
	}
	if sub := s.Section("s3"); sub != nil {
		f.s3 = parseS3(sub)
		sub.Close()
		if f.path != "" {
			s.Mistake("path", "is for files of this machine; objects go below the prefix of s3")
		}
		return f
	}
	if f.path == "" {
		f.path = "."
	}
	if !filepath.IsLocal(f.path) || strings.Contains(f.path, "\\") {
		s.Mistake("path", "is %q; it is a directory below that of the destinations' files, such as crm/audiences", f.path)
	}
	return f
}

func parseS3(s *deliver.Section) *s3Settings {
	out := &s3Settings{
		bucket: s.Required("bucket"), region: s.Text("region"), prefix: strings.Trim(s.Text("prefix"), "/"),
		access: s.Secret("access_key"), secret: s.Secret("secret_key"),
		every: s.Duration("every", time.Minute, time.Second, 24*time.Hour), timeout: s.Duration("timeout", time.Minute, time.Second, time.Hour),
	}
	url := s.Text("endpoint")
	if url == "" {
		url = "https://s3.amazonaws.com"
	}
	u, err := outgoing.CheckURL(url)
	switch {
	case err != nil:
		s.Mistake("endpoint", "%s", err)
	case strings.Trim(u.Path, "/") != "" || u.RawQuery != "":
		s.Mistake("endpoint", "has a path; write the host only, the bucket stands under bucket")
	default:
		out.endpoint, out.plain = u.Host, u.Scheme == "http"
	}
	for _, key := range []string{"access_key", "secret_key"} {
		if !s.Has(key) {
			s.Mistake(key, "is missing")
		}
	}
	return out
}

// Limits implements deliver.Settings.
func (f *settings) Limits() deliver.Limits {
	l := deliver.Limits{Batch: 1_000, Workers: 1}
	if f.s3 != nil {
		l.Batch, l.Workers, l.Gather = 5_000, 2, f.s3.every
	}
	return l
}

// Subscriptions implements deliver.Settings.
func (f *settings) Subscriptions() []deliver.Subscription { return nil }

// Open implements deliver.Settings.
func (f *settings) Open(env deliver.Environment) (deliver.Sender, error) {
	if f.s3 == nil {
		if env.Dir == "" {
			return nil, fmt.Errorf("there is no directory for the files of destinations")
		}
		return &writer{settings: f, env: env, dir: filepath.Join(env.Dir, env.Space, f.path)}, nil
	}
	client, err := minio.New(f.s3.endpoint, &minio.Options{
		Creds: credentials.NewStaticV4(f.s3.access, f.s3.secret, ""), Secure: !f.s3.plain, Region: f.s3.region,
		Transport:  env.Guard.Client(outgoing.Options{Timeout: f.s3.timeout, Roots: env.Roots}).Transport,
		MaxRetries: 1, // the queue tries again
	})
	if err != nil {
		return nil, fmt.Errorf("s3: %w", err)
	}
	return &uploader{settings: f, env: env, client: client}, nil
}
