package client

import (
	"fmt"
	"io"
	"net/http"
	"sync"
)

// InProcess carries requests to a handler of this process. Answers stream, as
// over a network.
type InProcess struct{ Handler http.Handler }

// RoundTrip serves a request in a goroutine and returns when its answer begins.
func (t InProcess) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body == nil {
		req.Body = http.NoBody
	}
	reader, writer := io.Pipe()
	a := &pipeAnswer{header: http.Header{}, body: writer, begun: make(chan struct{})}
	go func() {
		defer func() {
			a.WriteHeader(http.StatusOK)
			if v := recover(); v != nil {
				_ = writer.CloseWithError(fmt.Errorf("the answer was cut off: %v", v))
				return
			}
			_ = writer.Close()
		}()
		t.Handler.ServeHTTP(a, req)
	}()
	select {
	case <-a.begun:
	case <-req.Context().Done():
		_ = reader.Close()
		return nil, req.Context().Err()
	}
	return &http.Response{
		StatusCode: a.status, Status: fmt.Sprintf("%d %s", a.status, http.StatusText(a.status)),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: a.sent, Body: reader, ContentLength: -1, Request: req,
	}, nil
}

// pipeAnswer is an http.ResponseWriter into a pipe.
type pipeAnswer struct {
	header, sent http.Header
	body         *io.PipeWriter
	once         sync.Once
	begun        chan struct{}
	status       int
}

func (a *pipeAnswer) Header() http.Header { return a.header }

func (a *pipeAnswer) WriteHeader(status int) {
	a.once.Do(func() {
		a.status, a.sent = status, a.header.Clone()
		close(a.begun)
	})
}

func (a *pipeAnswer) Write(p []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(p)
}

// Flush does nothing: what is written is there.
func (a *pipeAnswer) Flush() {}
