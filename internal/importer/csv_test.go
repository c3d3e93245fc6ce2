package importer

import (
	"reflect"
	"strings"
	"testing"
)

func TestTable(t *testing.T) {
	m := newModel()
	path := write(t, "people.csv", strings.ReplaceAll(`user_id,Email,anonymousId,id:crm_id,group id,timestamp,message_id,event,name,age,zip,vip,code:string,tags:json
u1,Jane@Example.com,a1,77,g1,2020-01-02T03:04:05Z,m1,,"Doe, ""Jane""",42,01234,true,7,"[1,2]"
u2,,,,,,m2,Order Completed,"two
lines",-1.5,,,,
u3,x@example.com,,9,,,m3,Seen,,,,FALSE,,
,,,,,,m4,,nobody,,,,,
u5,,,,,,m5,,too few
u6,,,,,,m6,,,,,,,{
u7,,,,,,m7,,"closed"x,,,,,
u8,,,,,,m8,,"never closed,,,,,
u9,,,,,,m9,,last,1e5,12345678901234567,,,`, "\n", "\r\n"))
	s := run(t, importer(m), input(t, path))
	want := []string{
		`{"type":"identify","userId":"u1","anonymousId":"a1","timestamp":"2020-01-02T03:04:05Z","messageId":"m1","traits":{"email":"Jane@Example.com","name":"Doe, \"Jane\"","age":42,"zip":"01234","vip":true,"code":"7","tags":[1,2]},"context":{"groupId":"g1","externalIds":[{"type":"crm_id","id":"77","collection":"users","encoding":"none"}]}}`,
		`{"type":"track","userId":"u2","messageId":"m2","event":"Order Completed","properties":{"name":"two\r\nlines","age":-1.5}}`,
		`{"type":"track","userId":"u3","messageId":"m3","event":"Seen","properties":{"vip":false},"context":{"traits":{"email":"x@example.com"},"externalIds":[{"type":"crm_id","id":"9","collection":"users","encoding":"none"}]}}`,
		`{"type":"identify","userId":"u5","messageId":"m5","traits":{"name":"too few"}}`,
		`{"type":"identify","userId":"u9","messageId":"m9","traits":{"name":"last","age":"1e5","zip":"12345678901234567"}}`,
	}
	if !reflect.DeepEqual(m.bodies, want) {
		t.Errorf("got\n%s", strings.Join(m.bodies, "\n"))
	}
	if s.Rejected() != 4 || s.Events != 5 {
		t.Errorf("%+v", s)
	}
	for i, where := range []string{":6: ", ":8: ", ":9: ", ":10: "} {
		if i >= len(m.rejects) || !strings.HasPrefix(m.rejects[i].Message, path+where) {
			t.Errorf("reject %d of %+v", i, m.rejects)
		}
	}
}

func TestLongTableIsCutBetweenRows(t *testing.T) {
	text, n := "id:crm;note\n", 300
	for range n {
		text += "1;\"a note; of\ntwo lines\"\n"
	}
	m := newModel()
	s := run(t, importer(m), input(t, write(t, "f.csv", text)))
	if s.Events != int64(n) || s.Rejected() != 0 || m.n < 10 {
		t.Errorf("%+v in %d deliveries", s, m.n)
	}
	if last := m.ids[n-1]; !strings.HasSuffix(last, "-600") {
		t.Errorf("the last row is %s", last)
	}
	// Interrupted after any delivery it goes on at a row.
	for stop := 1; stop < m.n; stop++ {
		half := newModel()
		half.before = func(n int) error {
			if n == stop+1 {
				return errStop
			}
			return nil
		}
		in := input(t, write(t, "f.csv", text))
		if err := importer(half).Run(t.Context(), []*Input{in}); err == nil {
			t.Fatal("not stopped")
		}
		half.before = nil
		run(t, importer(half), input(t, write(t, "f.csv", text)))
		if !reflect.DeepEqual(half.ids, m.ids) {
			t.Fatalf("stopped after %d: %d events", stop, len(half.ids))
		}
	}
}

func TestHeaderMistakes(t *testing.T) {
	for header, want := range map[string]string{
		"name,age\n":                "no column that says who",
		"user_id,,x\n":              "column 2 of the header: it has no name",
		"user_id,userId\n":          "are the same",
		"user_id,age:int\n":         `"int" is not a kind of value`,
		"user_id,id:\n":             "names no type",
		"user_id,\"a\n":             "never closed",
		"name,,age\n":               "column 2 of the header: it has no name",
		"user_id,name,name:string,": "are the same",
	} {
		m := newModel()
		err := importer(m).Run(t.Context(), []*Input{input(t, write(t, "f.csv", header))})
		if err == nil || !strings.Contains(err.Error(), want) || m.n > 0 {
			t.Errorf("%q: %v", header, err)
		}
	}
}
