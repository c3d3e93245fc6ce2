package client

import (
	"github.com/selfsame-id/selfsame/internal/cli/terminal"

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

// Client speaks the HTTP API, over the network or inside this process.
type Client struct {
	Base  string // http://127.0.0.1:8080
	Token string
	User  string // for whom, for the audit trail
	HTTP  *http.Client
	Local bool // the API is in this process, over a data directory
}

// Error is an answer that says no.
type Error struct {
	Status  int
	Code    string
	Message string
	Details []string
}

func (e *Error) Error() string {
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

// Call makes a request with an optional JSON body and decodes the answer into
// out, unless out is nil.
func (c *Client) Call(ctx context.Context, method, path string, query url.Values, in, out any) error {
	return c.CallIf(ctx, method, path, query, "", in, out)
}

// CallIf is Call under the condition that the ETag of what is there is version;
// an empty one is no condition.
func (c *Client) CallIf(ctx context.Context, method, path string, query url.Values, version string, in, out any) error {
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
	res, err := c.Send(ctx, method, path, query, body, header)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if out == nil {
		_, err = io.Copy(io.Discard, res.Body)
		return err
	}
	if err := json.NewDecoder(res.Body).Decode(out); err != nil {
		return fmt.Errorf("the answer of %s to %s cannot be read: %w", c.Base, path, err)
	}
	return nil
}

// PostText posts a text as it is and decodes the answer into out.
func (c *Client) PostText(ctx context.Context, path string, query url.Values, text string, out any) error {
	return c.sendText(ctx, http.MethodPost, path, query, nil, text, out)
}

// PutText puts a text as it is, under the condition that the ETag of what is there is
// version, and decodes the answer into out.
func (c *Client) PutText(ctx context.Context, path string, query url.Values, version, text string, out any) error {
	return c.sendText(ctx, http.MethodPut, path, query, http.Header{"If-Match": {`"` + version + `"`}}, text, out)
}

func (c *Client) sendText(ctx context.Context, method, path string, query url.Values, header http.Header, text string, out any) error {
	res, err := c.Send(ctx, method, path, query, strings.NewReader(text), header)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(out); err != nil {
		return fmt.Errorf("the answer of %s to %s cannot be read: %w", c.Base, path, err)
	}
	return nil
}

// Send makes a request and returns the answer if it is a good one.
func (c *Client) Send(ctx context.Context, method, path string, query url.Values, body io.Reader, header http.Header) (*http.Response, error) {
	address := c.Base + path
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
	if c.Token != "" {
		req.Header.Set("Authorization", "Bearer "+c.Token)
	}
	if c.User != "" {
		req.Header.Set("Selfsame-User", c.User)
	}
	res, err := c.HTTP.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fmt.Errorf("%w at %s: start one with `selfsame serve`, name another with --server, or work on a stopped server's directory with --data (%w)", errUnreachable, c.Base, err)
	}
	if res.StatusCode < 300 {
		return res, nil
	}
	defer res.Body.Close()
	return nil, c.refusal(res)
}

// refusal reads the error of an answer.
func (c *Client) refusal(res *http.Response) error {
	text, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	var body struct {
		Error struct {
			Code, Message string
			Details       []string
		}
	}
	if err != nil || json.Unmarshal(text, &body) != nil || body.Error.Message == "" {
		return fmt.Errorf("%s answers %s: is this a Selfsame server?", c.Base, res.Status)
	}
	e := &Error{res.StatusCode, body.Error.Code, terminal.Clean(body.Error.Message), nil}
	for _, d := range body.Error.Details {
		e.Details = append(e.Details, terminal.Clean(d))
	}
	if res.StatusCode == http.StatusUnauthorized {
		if c.Token == "" {
			e.Message = "the server wants its admin token: put it into SELFSAME_ADMIN_TOKEN, or name its configuration file with --config"
		} else {
			e.Message = "the server does not know this admin token: check SELFSAME_ADMIN_TOKEN, or the file named with --config"
		}
	}
	return e
}

// HasStatus reports whether an error is an answer with a status.
func HasStatus(err error, status int) bool {
	var e *Error
	return errors.As(err, &e) && e.Status == status
}

// IsRefusedInput reports whether the API says that what it was asked for cannot
// be: what stood on the command line, or in a file that it names, was wrong.
func IsRefusedInput(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Status == http.StatusBadRequest && (e.Code == "validation_error" || e.Code == "invalid_request_error")
}

// List reads all pages of a list of the management API.
func List[T any](ctx context.Context, c *Client, path string) ([]T, error) {
	all := []T{} // none is a list too
	query := url.Values{"limit": {"1000"}}
	for {
		var page api.Page[T]
		if err := c.Call(ctx, http.MethodGet, path, query, nil, &page); err != nil {
			return nil, err
		}
		all = append(all, page.Data...)
		if !page.Cursor.HasMore {
			return all, nil
		}
		query.Set("next", page.Cursor.Next)
	}
}

// InSpace is the path of something inside a space.
func InSpace(space string, parts ...string) string {
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
