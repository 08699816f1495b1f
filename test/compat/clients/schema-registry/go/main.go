// franz-go's sr against our registry: `registry <url> <user:password> <scenario>` ends with 0, or with the failure on
// stderr. What each scenario means stands in ../schema-registry.test.ts.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/sr"
)

const (
	truck  = `{"type":"object","properties":{"id":{"type":"string"},"lat":{"type":"number"}},"required":["id"],"additionalProperties":false}`
	wider  = `{"type":"object","properties":{"id":{"type":"string"},"lat":{"type":"number"},"lon":{"type":"number"}},"required":["id"],"additionalProperties":false}`
	broken = `{"type":"object","properties":{"id":{"type":"integer"}},"required":["id"],"additionalProperties":false}`
)

type report struct {
	ID  string  `json:"id"`
	Lat float64 `json:"lat"`
}

var (
	client *sr.Client
	ctx    context.Context
)

func main() {
	user, password, _ := strings.Cut(os.Args[2], ":")
	var err error
	client, err = sr.NewClient(sr.URLs(os.Args[1]), sr.BasicAuth(user, password))
	must(err)
	var cancel context.CancelFunc
	ctx, cancel = context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	scenario := map[string]func(){
		"records": records, "compatibility": compatibility, "references": references, "deletes": deletes,
	}[os.Args[3]]
	if scenario == nil {
		fail("no scenario %s", os.Args[3])
	}
	scenario()
}

func jsonSchema(text string) sr.Schema { return sr.Schema{Schema: text, Type: sr.TypeJSON} }

func records() {
	created, err := client.CreateSchema(ctx, "go-value", jsonSchema(truck))
	must(err)
	again, err := client.LookupSchema(ctx, "go-value", jsonSchema(truck))
	must(err)
	same(again.ID, created.ID)
	var serde sr.Serde
	serde.Register(created.ID, report{}, sr.EncodeFn(json.Marshal), sr.DecodeFn(json.Unmarshal))
	bytes, err := serde.Encode(report{"a", 1.5})
	must(err)
	same(bytes[:5], []byte{0, 0, 0, 0, byte(created.ID)})
	var got report
	must(serde.Decode(bytes, &got))
	same(got, report{"a", 1.5})
	found, err := client.SchemaByID(ctx, created.ID)
	must(err)
	same(found.Schema, truck)
	subjects, err := client.Subjects(ctx)
	must(err)
	same(subjects, []string{"go-value"})
}

func compatibility() {
	_, err := client.CreateSchema(ctx, "go-value", jsonSchema(truck))
	must(err)
	for _, result := range client.SetCompatibility(ctx, sr.SetCompatibility{Level: sr.CompatFull}, "go-value") {
		must(result.Err)
	}
	for _, result := range client.Compatibility(ctx, "go-value") {
		must(result.Err)
		same(result.Level, sr.CompatFull)
	}
	for _, result := range client.SetCompatibility(ctx, sr.SetCompatibility{Level: sr.CompatBackward}, "go-value") {
		must(result.Err)
	}
	verdict, err := client.CheckCompatibility(ctx, "go-value", -1, jsonSchema(wider))
	must(err)
	same(verdict.Is, true)
	verdict, err = client.CheckCompatibility(sr.WithParams(ctx, sr.Verbose), "go-value", -1, jsonSchema(broken))
	must(err)
	same(verdict.Is, false)
	if !strings.Contains(strings.Join(verdict.Messages, " "), "TYPE_CHANGED") {
		fail("no reason in %v", verdict.Messages)
	}
	_, err = client.CreateSchema(ctx, "go-value", jsonSchema(broken))
	refused(err, 409)
}

func references() {
	_, err := client.CreateSchema(ctx, "id", jsonSchema(`{"type":"string"}`))
	must(err)
	with := sr.Schema{
		Schema: `{"properties":{"id":{"$ref":"id.json"}}}`, Type: sr.TypeJSON,
		References: []sr.SchemaReference{{Name: "id.json", Subject: "id", Version: 1}},
	}
	created, err := client.CreateSchema(ctx, "go-value", with)
	must(err)
	same(created.References, with.References)
	by, err := client.SchemaReferences(ctx, "id", 1)
	must(err)
	same(by[0].ID, created.ID)
	_, err = client.DeleteSubject(ctx, "id", sr.SoftDelete)
	refused(err, 42206)
}

func deletes() {
	_, err := client.CreateSchema(ctx, "go-value", jsonSchema(truck))
	must(err)
	_, err = client.DeleteSubject(ctx, "go-value", sr.HardDelete)
	refused(err, 40405)
	versions, err := client.DeleteSubject(ctx, "go-value", sr.SoftDelete)
	must(err)
	same(versions, []int{1})
	_, err = client.SchemaByVersion(ctx, "go-value", 1)
	refused(err, 40401)
	_, err = client.SchemaByVersion(sr.WithParams(ctx, sr.ShowDeleted), "go-value", 1)
	must(err)
	_, err = client.DeleteSubject(ctx, "go-value", sr.HardDelete)
	must(err)
	subjects, err := client.Subjects(sr.WithParams(ctx, sr.ShowDeleted))
	must(err)
	same(len(subjects), 0)
}

func refused(err error, code int) {
	var response *sr.ResponseError
	if !errors.As(err, &response) {
		fail("wanted %d, got %v", code, err)
	}
	same(response.ErrorCode, code)
}

func must(err error) {
	if err != nil {
		fail("%v", err)
	}
}

func same(got, want any) {
	if !reflect.DeepEqual(got, want) {
		fail("got %v, wanted %v", got, want)
	}
}

func fail(format string, args ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", args...)
	os.Exit(1)
}
