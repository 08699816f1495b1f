// franz-go against our broker: `franz-go <bootstrap> <scenario>` ends with 0, or with the failure on stderr. What each
// scenario means stands in ../scenarios.ts.
package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// For what a client does in its own time: a join, a rebalance, a metadata refresh.
const deadline = 90 * time.Second

var (
	bootstrap string
	ctx       context.Context
)

func main() {
	bootstrap = os.Args[1]
	scenarios := map[string]func(){
		"records":           records,
		"idempotence":       idempotence,
		"rebalance":         rebalance,
		"cooperative":       cooperative,
		"offsets":           offsets,
		"consumer-protocol": consumerProtocol,
		"transactions":      transactions,
		"topics":            topics,
		"configs":           configs,
		"groups":            groups,
		"positions":         positions,
		"cluster":           cluster,
	}
	var cancel context.CancelFunc
	ctx, cancel = context.WithTimeout(context.Background(), deadline)
	defer cancel()
	scenarios[os.Args[2]]()
}

func client(options ...kgo.Opt) *kgo.Client {
	made, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(bootstrap)}, options...)...)
	check(err)
	return made
}

func admin() *kadm.Client {
	return kadm.NewClient(client())
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func equal(actual, expected any) {
	if !reflect.DeepEqual(actual, expected) {
		panic(fmt.Sprintf("%v is not %v", actual, expected))
	}
}

func isTrue(what string, value bool) {
	if !value {
		panic("Not so: " + what)
	}
}

func unique(prefix string) string {
	return fmt.Sprintf("%s-%08x", prefix, rand.Uint32())
}

func newTopic(partitions int32) string {
	topic := unique("franz-go")
	adm := admin()
	defer adm.Close()
	_, err := adm.CreateTopic(ctx, partitions, 1, nil, topic)
	check(err)
	return topic
}

func send(topic string, partition int32, values ...string) {
	producer := client(kgo.RecordPartitioner(kgo.ManualPartitioner()))
	defer producer.Close()
	for _, value := range values {
		record := &kgo.Record{Topic: topic, Partition: partition, Key: []byte("k"), Value: []byte(value)}
		check(producer.ProduceSync(ctx, record).FirstErr())
	}
}

// read polls until count records arrived.
func read(consumer *kgo.Client, count int) []*kgo.Record {
	var all []*kgo.Record
	for len(all) < count {
		fetches := consumer.PollFetches(ctx)
		check(ctx.Err())
		for _, failed := range fetches.Errors() {
			check(failed.Err)
		}
		all = append(all, fetches.Records()...)
	}
	return all
}

func readPartition(topic string, count int, options ...kgo.Opt) []*kgo.Record {
	start := map[string]map[int32]kgo.Offset{topic: {0: kgo.NewOffset().AtStart()}}
	consumer := client(append(options, kgo.ConsumePartitions(start))...)
	defer consumer.Close()
	return read(consumer, count)
}

func values(all []*kgo.Record) []string {
	var found []string
	for _, record := range all {
		found = append(found, string(record.Value))
	}
	return found
}
