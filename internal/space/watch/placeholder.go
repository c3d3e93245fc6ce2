package watch

import "strings"

// nobodyWords are values by which code and people say that there is none. The
// rules block some of them as they are written most; here case and decoration
// do not matter, for a person looks at the outcome.
var nobodyWords = map[string]bool{
	"null": true, "nil": true, "none": true, "undefined": true, "unknown": true, "nan": true, "na": true, "void": true, "empty": true, "missing": true,
	"anonymous": true, "anon": true, "guest": true, "nobody": true, "noname": true, "visitor": true, "deleted": true, "removed": true, "redacted": true,
	"test": true, "testuser": true, "tester": true, "dummy": true, "example": true, "sample": true, "default": true, "placeholder": true, "todo": true,
	"user": true, "userid": true, "id": true, "email": true, "string": true, "value": true, "true": true, "false": true, "distinctid": true,
	"objectobject": true, "noreply": true, "donotreply": true, "noemail": true, "notavailable": true, "notprovided": true, "0x0": true,
}

// nobodyDomains belong to nobody, or to everybody who tries something.
var nobodyDomains = []string{"example.com", "example.org", "example.net", "test.com", "test.test", "email.com", "domain.com", "localhost", "invalid", "none.com"}

// looksLikePlaceholder reports whether a value has the looks of one that names
// nobody. It errs on either side: it is for warnings.
func looksLikePlaceholder(idType, value string) bool {
	if len(value) > 100 {
		return false
	}
	v := strings.ToLower(value)
	if idType == "email" {
		user, domain, found := strings.Cut(v, "@")
		if !found {
			return true
		}
		for _, d := range nobodyDomains {
			if domain == d && (nobodyWords[plain(user)] || idle(user)) {
				return true
			}
		}
		p := plain(user)
		return p == "noreply" || p == "donotreply" || p == "test" || p == "null" || p == "undefined" || p == "noemail" || p == "none"
	}
	return idle(v) || nobodyWords[plain(v)]
}

// plain is a value without what decorates a word: brackets, quotes, spaces and
// dashes, and the number of a test.
func plain(v string) string {
	v = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, v)
	switch word := strings.TrimRight(v, "0123456789"); word {
	case "test", "testuser", "tester", "dummy":
		return word
	}
	return v
}

// idle reports whether a value is one character again and again, or the digits
// as they lie on a keyboard. Short numbers are somebody's number.
func idle(v string) bool {
	bare := strings.Map(func(r rune) rune {
		switch r {
		case '-', ' ', '_', ':', '.', '{', '}':
			return -1
		}
		return r
	}, v)
	if bare == "" {
		return true
	}
	if strings.Trim(bare, bare[:1]) == "" {
		digit := bare[0] >= '1' && bare[0] <= '9'
		return bare[0] == '0' || len(bare) >= 5 || len(bare) >= 3 && !digit
	}
	return len(bare) >= 9 && strings.HasPrefix("1234567890", bare)
}
