package wire

import (
	"encoding/base64"
	"strconv"
)

// Basic is the value of an Authorization header with a user name and no
// password.
func Basic(user string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"))
}

// AppendRequest appends a request with a body (POST) or without (GET, when body
// is nil).
func AppendRequest(b []byte, host, path, authorization string, body []byte) []byte {
	if body == nil {
		b = append(b, "GET "...)
	} else {
		b = append(b, "POST "...)
	}
	b = append(b, path...)
	b = append(b, " HTTP/1.1\r\nHost: "...)
	b = append(b, host...)
	if authorization != "" {
		b = append(b, "\r\nAuthorization: "...)
		b = append(b, authorization...)
	}
	if body != nil {
		b = append(b, "\r\nContent-Type: application/json\r\nContent-Length: "...)
		b = strconv.AppendInt(b, int64(len(body)), 10)
	}
	b = append(b, "\r\n\r\n"...)
	return append(b, body...)
}
