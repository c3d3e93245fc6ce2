package file

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"path"
	"regexp"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/minio/minio-go/v7"

	"github.com/selfsame-id/selfsame/internal/deliver"
	"github.com/selfsame-id/selfsame/internal/deliver/outgoing"
)

// uploader writes objects: one for each batch.
type uploader struct {
	*settings
	env    deliver.Environment
	client *minio.Client
}

// Send implements deliver.Sender. The object's name follows from its messages, so that
// a batch that is tried again overwrites itself.
func (u *uploader) Send(ctx context.Context, batch []deliver.Message) []deliver.Outcome {
	lines, out := encode(u.settings, u.env.Space, batch)
	if len(lines) == 0 {
		return out
	}
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := z.Write(lines)
	if err == nil {
		err = z.Close()
	}
	if err == nil {
		ctx, cancel := context.WithTimeout(ctx, u.s3.timeout)
		defer cancel()
		_, err = u.client.PutObject(ctx, u.s3.bucket, u.name(batch), &b, int64(b.Len()), minio.PutObjectOptions{
			ContentType: "application/x-ndjson", ContentEncoding: "gzip", DisableMultipart: true,
		})
	}
	if err != nil {
		o := failed(err)
		for i := range out {
			if out[i].Result == deliver.Delivered {
				out[i] = o
			}
		}
	}
	return out
}

// name is that of the object of a batch: by day, when its first message was made, and
// what is in it.
func (u *uploader) name(batch []deliver.Message) string {
	ids := sha256.New()
	first := batch[0].Queued
	for i := range batch {
		first = min(first, batch[i].Queued)
		ids.Write([]byte(batch[i].ID))
	}
	at := utc(first)
	return path.Join(u.s3.prefix, at.Format("2006/01/02"), u.env.Destination+"-"+at.Format(stamp)+"-"+hex.EncodeToString(ids.Sum(nil)[:6])+".ndjson.gz")
}

func utc(ns int64) time.Time { return time.Unix(0, ns).UTC() }

// code is the form of S3's error codes.
var code = regexp.MustCompile(`^[A-Za-z]{1,60}$`)

// failed says what an error of the storage means.
func failed(err error) deliver.Outcome {
	var r minio.ErrorResponse
	if !errors.As(err, &r) || r.StatusCode == 0 {
		return deliver.Outcome{Result: deliver.Retry, Reason: outgoing.Explain(err), Trouble: true, NotTaken: outgoing.NotSent(err)}
	}
	reason := "the storage answered " + http.StatusText(r.StatusCode)
	if code.MatchString(r.Code) {
		reason += " (" + r.Code + ")"
	}
	if r.StatusCode == http.StatusForbidden || r.StatusCode == http.StatusUnauthorized {
		return deliver.Outcome{Result: deliver.Disabled, Reason: reason}
	}
	return deliver.Outcome{Result: deliver.Retry, Reason: reason, Trouble: true}
}

// Close implements deliver.Sender.
func (u *uploader) Close() error { return nil }
