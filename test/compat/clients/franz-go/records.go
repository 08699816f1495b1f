package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

const perCodec = 100

var codecs = []struct {
	name  string
	codec kgo.CompressionCodec
}{
	{"none", kgo.NoCompression()},
	{"gzip", kgo.GzipCompression()},
	{"snappy", kgo.SnappyCompression()},
	{"lz4", kgo.Lz4Compression()},
	{"zstd", kgo.ZstdCompression()},
}

func valueOf(i int) string {
	return fmt.Sprintf("%s-%d-%s", codecs[i/perCodec].name, i, strings.Repeat("x", i%perCodec*10))
}

func recordOf(topic string, i int) *kgo.Record {
	record := &kgo.Record{
		Topic:     topic,
		Value:     []byte(valueOf(i)),
		Timestamp: time.UnixMilli(1_700_000_000_000 + int64(i)),
		Headers:   []kgo.RecordHeader{{Key: "source", Value: []byte("compat")}, {Key: "nothing"}},
	}
	if i%2 == 0 {
		record.Key = fmt.Appendf(nil, "k-%d", i)
	}
	return record
}

func records() {
	topic := newTopic(1)
	for at, each := range codecs {
		producer := client(kgo.ProducerBatchCompression(each.codec), kgo.ProducerLinger(20*time.Millisecond))
		var batch []*kgo.Record
		for i := at * perCodec; i < (at+1)*perCodec; i++ {
			batch = append(batch, recordOf(topic, i))
		}
		for i, result := range producer.ProduceSync(ctx, batch...) {
			check(result.Err)
			equal(result.Record.Offset, int64(at*perCodec+i))
		}
		producer.Close()
	}
	sendUnsafely(topic, kgo.NoAck(), "acks 0")
	sendUnsafely(topic, kgo.LeaderAck(), "acks 1")
	total := len(codecs) * perCodec
	read := readPartition(topic, total+2)
	for i, record := range read[:total] {
		equal(record.Offset, int64(i))
		equal(string(record.Value), valueOf(i))
		equal(record.Key, recordOf(topic, i).Key)
		equal(record.Timestamp.UnixMilli(), int64(1_700_000_000_000+i))
		equal(string(record.Headers[0].Value), "compat")
		isTrue("a header without a value", record.Headers[1].Value == nil)
	}
	equal(values(read[total:]), []string{"acks 0", "acks 1"})
}

func sendUnsafely(topic string, acks kgo.Acks, value string) {
	producer := client(kgo.DisableIdempotentWrite(), kgo.RequiredAcks(acks))
	defer producer.Close()
	check(producer.ProduceSync(ctx, &kgo.Record{Topic: topic, Value: []byte(value)}).FirstErr())
}

func idempotence() {
	const count = 2_000
	topic := newTopic(1)
	producer := client(kgo.ProducerBatchMaxBytes(1024))
	defer producer.Close()
	for i := range count {
		producer.Produce(ctx, &kgo.Record{Topic: topic, Value: fmt.Append(nil, i)}, func(record *kgo.Record, err error) {
			check(err)
		})
	}
	check(producer.Flush(ctx))
	for i, record := range readPartition(topic, count) {
		equal(record.Offset, int64(i))
		equal(string(record.Value), fmt.Sprint(i))
	}
}
