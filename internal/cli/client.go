package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/selfsame-id/selfsame/internal/api"
)

// client speaks the HTTP API, over the network or inside this process.
type client struct {
	base  string // http://127.0.0.1:8080
	token string
	user  string // for whom, for the audit trail
	http  *http.Client
	local bool // the API is in this process, over a data directory
}

// apiError is an answer that says no.
type apiError struct {
	Status  int
	Code    string
	Message string
	Details []string
}

func (e *apiError) Error() string {
	text := e.Message
	if len(e.Details) > 1 {
		text = strings.TrimSuffix(text, ".") + ":"
		for _, d := range e.Details {
			text += "\n  " + d
		}
	}
	return text
}

// errUnreachable: no server answers.
var errUnreachable = errors.New("no server answers")

// call makes a request with an optional JSON body and decodes the answer into
// out, unless out is nil.
func (c *client) call(ctx context.Context, method, path string, query url.Values, in, out any) error {
	return c.callIf(ctx, method, path, query, "", in, out)
}

// callIf is call under the condition that the ETag of what is there is version;
// an empty one is no condition.
func (c *client) callIf(ctx context.Context, method, path string, query url.Values, version string, in, out any) error {
	var header http.Header
	if version != "" {
		header = http.Header{"If-Match": {`"` + version + `"`}}
	}
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(text)
	}
	res, err := c.send(ctx, method, path, query, body, header)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if out == nil {
		_, err = io.Copy(io.Discard, res.Body)
		return err
	}
	if err := json.NewDecoder(res.Body).Decode(out); err != nil {
		return fmt.Errorf("the answer of %s to %s cannot be read: %w", c.base, path, err)
	}
	return nil
}

// postText posts a text as it is and decodes the answer into out.
func (c *client) postText(ctx context.Context, path string, query url.Values, text string, out any) error {
	return c.sendText(ctx, http.MethodPost, path, query, nil, text, out)
}

// putText puts a text as it is, under the condition that the ETag of what is there is
// version, and decodes the answer into out.
func (c *client) putText(ctx context.Context, path string, query url.Values, version, text string, out any) error {
	return c.sendText(ctx, http.MethodPut, path, query, http.Header{"If-Match": {`"` + version + `"`}}, text, out)
}

func (c *client) sendText(ctx context.Context, method, path string, query url.Values, header http.Header, text string, out any) error {
	res, err := c.send(ctx, method, path, query, strings.NewReader(text), header)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(out); err != nil {
		return fmt.Errorf("the answer of %s to %s cannot be read: %w", c.base, path, err)
	}
	return nil
}

// send makes a request and returns the answer if it is a good one.
func (c *client) send(ctx context.Context, method, path string, query url.Values, body io.Reader, header http.Header) (*http.Response, error) {
	address := c.base + path
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return nil, err
	}
	for name, values := range header {
		req.Header[name] = values
	}
	if body != nil && req.Header.Get("Content-Type") == "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	if c.user != "" {
		req.Header.Set("Selfsame-User", c.user)
	}
	res, err := c.http.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fmt.Errorf("%w at %s: start one with `selfsame serve`, name another with --server, or work on a stopped server's directory with --data (%w)", errUnreachable, c.base, err)
	}
	if res.StatusCode < 300 {
		return res, nil
	}
	defer res.Body.Close()
	return nil, c.refusal(res)
}

// refusal reads the error of an answer.
func (c *client) refusal(res *http.Response) error {
	text, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	var body struct {
		Error struct {
			Code, Message string
			Details       []string
		}
	}
	if err != nil || json.Unmarshal(text, &body) != nil || body.Error.Message == "" {
		return fmt.Errorf("%s answers %s: is this a Selfsame server?", c.base, res.Status)
	}
	e := &apiError{res.StatusCode, body.Error.Code, clean(body.Error.Message), nil}
	for _, d := range body.Error.Details {
		e.Details = append(e.Details, clean(d))
	}
	if res.StatusCode == http.StatusUnauthorized {
		if c.token == "" {
			e.Message = "the server wants its admin token: put it into SELFSAME_ADMIN_TOKEN, or name its configuration file with --config"
		} else {
			e.Message = "the server does not know this admin token: check SELFSAME_ADMIN_TOKEN, or the file named with --config"
		}
	}
	return e
}

// hasStatus reports whether an error is an answer with a status.
func hasStatus(err error, status int) bool {
	var e *apiError
	return errors.As(err, &e) && e.Status == status
}

// isRefusedInput reports whether the API says that what it was asked for cannot
// be: what stood on the command line, or in a file that it names, was wrong.
func isRefusedInput(err error) bool {
	var e *apiError
	return errors.As(err, &e) && e.Status == http.StatusBadRequest && (e.Code == "validation_error" || e.Code == "invalid_request_error")
}

// list reads all pages of a list of the management API.
func list[T any](ctx context.Context, c *client, path string) ([]T, error) {
	all := []T{} // none is a list too
	query := url.Values{"limit": {"1000"}}
	for {
		var page api.Page[T]
		if err := c.call(ctx, http.MethodGet, path, query, nil, &page); err != nil {
			return nil, err
		}
		all = append(all, page.Data...)
		if !page.Cursor.HasMore {
			return all, nil
		}
		query.Set("next", page.Cursor.Next)
	}
}

// in is the path of something inside a space.
func in(space string, parts ...string) string {
	path := "/api/spaces/" + segment(space)
	for _, p := range parts {
		path += "/" + segment(p)
	}
	return path
}

// segment escapes a part of a path. Of one and two dots it leaves none, which
// would lead to another path.
func segment(p string) string {
	switch p {
	case ".":
		return "%2E"
	case "..":
		return "%2E%2E"
	}
	return url.PathEscape(p)
}
