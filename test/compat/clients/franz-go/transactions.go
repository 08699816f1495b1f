package main

import (
	"github.com/twmb/franz-go/pkg/kgo"
)

// transactions: consume, transform, produce; abort; a transaction that is open is not seen.
func transactions() {
	from, to, group := newTopic(1), newTopic(1), unique("group")
	send(from, 0, "1", "2", "3")
	id := unique("transaction")
	session, err := kgo.NewGroupTransactSession(
		kgo.SeedBrokers(bootstrap), kgo.TransactionalID(id), kgo.ConsumerGroup(group), kgo.ConsumeTopics(from),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.RequireStableFetchOffsets(),
	)
	check(err)
	isCommitted := false
	for _, end := range []kgo.TransactionEndTry{kgo.TryAbort, kgo.TryCommit} {
		fetches := session.PollFetches(ctx)
		check(fetches.Err0())
		all := fetches.Records()
		equal(len(all), 3)
		check(session.Begin())
		for _, record := range all {
			value := "aborted-" + string(record.Value)
			if end == kgo.TryCommit {
				value = "committed-" + string(record.Value)
			}
			check(session.ProduceSync(ctx, &kgo.Record{Topic: to, Value: []byte(value)}).FirstErr())
		}
		isCommitted, err = session.End(ctx, end)
		check(err)
	}
	isTrue("it is committed", isCommitted)
	check(session.Begin())
	check(session.ProduceSync(ctx, &kgo.Record{Topic: to, Value: []byte("open")}).FirstErr())

	visible := readPartition(to, 3, kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	equal(values(visible), []string{"committed-1", "committed-2", "committed-3"})
	equal(len(readPartition(to, 7)), 7)
	adm := admin()
	defer adm.Close()
	fetched, err := adm.FetchOffsets(ctx, group)
	check(err)
	offset, _ := fetched.Lookup(from, 0)
	equal(offset.At, int64(3))
	isFenced(id, to, session)
}

// isFenced: a second producer with the same id ends what the first had open, and the first can write no more.
func isFenced(id, topic string, first *kgo.GroupTransactSession) {
	second := client(kgo.TransactionalID(id))
	defer second.Close()
	check(second.BeginTransaction())
	check(second.ProduceSync(ctx, &kgo.Record{Topic: topic, Value: []byte("second")}).FirstErr())
	check(second.EndTransaction(ctx, kgo.TryCommit))
	err := first.ProduceSync(ctx, &kgo.Record{Topic: topic, Value: []byte("fenced")}).FirstErr()
	isTrue("the first is fenced", err != nil)
	first.Close()
	visible := readPartition(topic, 4, kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	equal(values(visible[3:]), []string{"second"})
}
