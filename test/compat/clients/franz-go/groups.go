package main

import (
	"context"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// A member that runs, and what it owns now.
type member struct {
	client *kgo.Client
	lock   sync.Mutex
	owned  map[int32]bool
	values []string
}

func join(group, topic string, options ...kgo.Opt) *member {
	joined := &member{owned: map[int32]bool{}}
	change := func(isOwned bool) func(context.Context, *kgo.Client, map[string][]int32) {
		return func(_ context.Context, _ *kgo.Client, changed map[string][]int32) {
			joined.lock.Lock()
			defer joined.lock.Unlock()
			for _, partition := range changed[topic] {
				if isOwned {
					joined.owned[partition] = true
				} else {
					delete(joined.owned, partition)
				}
			}
		}
	}
	joined.client = client(append([]kgo.Opt{
		kgo.ConsumerGroup(group),
		kgo.ConsumeTopics(topic),
		kgo.DisableAutoCommit(),
		kgo.HeartbeatInterval(200 * time.Millisecond),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.OnPartitionsAssigned(change(true)),
		kgo.OnPartitionsRevoked(change(false)),
		kgo.OnPartitionsLost(change(false)),
	}, options...)...)
	go joined.poll()
	return joined
}

func (joined *member) poll() {
	for {
		fetches := joined.client.PollFetches(ctx)
		if fetches.IsClientClosed() || ctx.Err() != nil {
			return
		}
		joined.lock.Lock()
		joined.values = append(joined.values, values(fetches.Records())...)
		joined.lock.Unlock()
	}
}

func (joined *member) count() (partitions, records int) {
	joined.lock.Lock()
	defer joined.lock.Unlock()
	return len(joined.owned), len(joined.values)
}

func until(what string, isSo func() bool) {
	for !isSo() {
		if ctx.Err() != nil {
			panic("Not in time: " + what)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func rebalance()        { share(kgo.Balancers(kgo.RangeBalancer())) }
func cooperative()      { share(kgo.Balancers(kgo.CooperativeStickyBalancer())) }
func consumerProtocol() { share(kgo.ServerSideBalancer()) }

// share: two members have four partitions; when one leaves, the other has all and reads what is written then.
func share(options ...kgo.Opt) {
	topic, group := newTopic(4), unique("group")
	owns := func(joined *member, count int) bool {
		partitions, _ := joined.count()
		return partitions == count
	}
	first := join(group, topic, options...)
	defer first.client.Close()
	until("the first owns all", func() bool { return owns(first, 4) })
	second := join(group, topic, options...)
	until("each owns two", func() bool { return owns(first, 2) && owns(second, 2) })
	for partition := range second.owned {
		isTrue("no partition is owned twice", !first.owned[partition])
	}
	second.client.Close()
	until("the first owns all again", func() bool { return owns(first, 4) })
	for partition := range int32(4) {
		send(topic, partition, "a", "b")
	}
	until("all arrived at the first", func() bool {
		_, records := first.count()
		return records == 8
	})
}

func offsets() {
	topic, group := newTopic(1), unique("group")
	send(topic, 0, "1", "2", "3", "4", "5")
	options := []kgo.Opt{
		kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.DisableAutoCommit(),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
	}
	before := client(options...)
	all := read(before, 5)
	check(before.CommitRecords(ctx, all[2]))
	before.Close()
	after := client(options...)
	equal(values(read(after, 2)), []string{"4", "5"})
	after.Close()
	adm := admin()
	defer adm.Close()
	toCommit := kadm.OffsetsList{{Topic: topic, Partition: 0, At: 3, LeaderEpoch: -1, Metadata: "half way"}}
	check(adm.CommitAllOffsets(ctx, group, toCommit.Offsets()))
	fetched, err := adm.FetchOffsets(ctx, group)
	check(err)
	offset, isThere := fetched.Lookup(topic, 0)
	isTrue("an offset", isThere)
	equal(offset.At, int64(3))
	equal(offset.Metadata, "half way")
}
