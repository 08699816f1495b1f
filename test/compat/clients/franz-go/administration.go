package main

import (
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

func text(value string) *string { return &value }

func topics() {
	adm := admin()
	defer adm.Close()
	topic := unique("franz-go")
	created, err := adm.CreateTopic(ctx, 2, 1, map[string]*string{"retention.ms": text("60000")}, topic)
	check(err)
	equal(created.NumPartitions, int32(2))
	equal(*created.Configs["retention.ms"].Value, "60000")
	_, err = adm.CreateTopic(ctx, 2, 1, nil, topic)
	isTrue("a topic exists once", err != nil)
	updated, err := adm.UpdatePartitions(ctx, 5, topic)
	check(err)
	check(updated[topic].Err)
	listed, err := adm.ListTopics(ctx)
	check(err)
	equal(len(listed[topic].Partitions), 5)
	equal(listed[topic].ID, created.ID)
	deleted, err := adm.DeleteTopics(ctx, topic)
	check(err)
	check(deleted[topic].Err)
	uncached := admin()
	defer uncached.Close()
	listed, err = uncached.ListTopics(ctx)
	check(err)
	isTrue("it is gone", !listed.Has(topic))
}

func configs() {
	adm := admin()
	defer adm.Close()
	topic := newTopic(1)
	alter := func(op kadm.IncrementalOp, name string, value *string) error {
		responses, err := adm.AlterTopicConfigs(ctx, []kadm.AlterConfig{{Op: op, Name: name, Value: value}}, topic)
		check(err)
		return responses[0].Err
	}
	find := func(name string) kadm.Config {
		described, err := adm.DescribeTopicConfigs(ctx, topic)
		check(err)
		check(described[0].Err)
		at := slices.IndexFunc(described[0].Configs, func(config kadm.Config) bool { return config.Key == name })
		return described[0].Configs[at]
	}
	check(alter(kadm.SetConfig, "retention.ms", text("1234")))
	check(alter(kadm.AppendConfig, "cleanup.policy", text("compact")))
	equal(*find("retention.ms").Value, "1234")
	equal(find("retention.ms").Source.String(), "DYNAMIC_TOPIC_CONFIG")
	equal(*find("cleanup.policy").Value, "delete,compact")
	check(alter(kadm.DeleteConfig, "retention.ms", nil))
	equal(*find("retention.ms").Value, "604800000")
	isTrue("an unknown key is refused", alter(kadm.SetConfig, "no.such.key", text("1")) != nil)
	metadata, err := adm.BrokerMetadata(ctx)
	check(err)
	brokers, err := adm.DescribeBrokerConfigs(ctx, metadata.Brokers[0].NodeID)
	check(err)
	isTrue("broker keys", len(brokers[0].Configs) > 10)
}

func groups() {
	adm := admin()
	defer adm.Close()
	topic, group := newTopic(2), unique("group")
	joined := join(group, topic)
	until("it is assigned", func() bool {
		partitions, _ := joined.count()
		return partitions == 2
	})
	described, err := adm.DescribeGroups(ctx, group)
	check(err)
	equal(described[group].State, "Stable")
	equal(len(described[group].Members), 1)
	_, err = adm.DeleteGroup(ctx, group)
	isTrue("a group in use stays", err != nil)
	joined.client.Close()
	check(adm.CommitAllOffsets(ctx, group, kadm.OffsetsList{{Topic: topic, Partition: 0, At: 7, LeaderEpoch: -1}}.Offsets()))
	fetched, err := adm.FetchOffsets(ctx, group)
	check(err)
	offset, _ := fetched.Lookup(topic, 0)
	equal(offset.At, int64(7))
	removed, err := adm.DeleteOffsets(ctx, group, kadm.TopicsSet{topic: {0: {}}})
	check(err)
	check(removed.Error())
	fetched, err = adm.FetchOffsets(ctx, group)
	check(err)
	_, isThere := fetched.Lookup(topic, 0)
	isTrue("no offset is left", !isThere)
	check(adm.CommitAllOffsets(ctx, group, kadm.OffsetsList{{Topic: topic, Partition: 0, At: 7, LeaderEpoch: -1}}.Offsets()))
	listed, err := adm.ListGroups(ctx)
	check(err)
	isTrue("it is listed", slices.Contains(listed.Groups(), group))
	_, err = adm.DeleteGroup(ctx, group)
	check(err)
	listed, err = adm.ListGroups(ctx)
	check(err)
	isTrue("it is gone", !slices.Contains(listed.Groups(), group))
}

func positions() {
	adm := admin()
	defer adm.Close()
	topic := newTopic(1)
	producer := client()
	defer producer.Close()
	for _, time_ := range []int64{1000, 3000, 2000, 4000} {
		record := &kgo.Record{Topic: topic, Value: []byte("v"), Timestamp: time.UnixMilli(time_)}
		check(producer.ProduceSync(ctx, record).FirstErr())
	}
	at := func(listed kadm.ListedOffsets, err error) int64 {
		check(err)
		offset, _ := listed.Lookup(topic, 0)
		check(offset.Err)
		return offset.Offset
	}
	equal(at(adm.ListStartOffsets(ctx, topic)), int64(0))
	equal(at(adm.ListEndOffsets(ctx, topic)), int64(4))
	equal(at(adm.ListOffsetsAfterMilli(ctx, 2500, topic)), int64(1))
	equal(at(adm.ListOffsetsAfterMilli(ctx, 5000, topic)), int64(4)) // kadm turns "none" into the end
	equal(at(adm.ListMaxTimestampOffsets(ctx, topic)), int64(3))
	deleted, err := adm.DeleteRecords(ctx, kadm.OffsetsList{{Topic: topic, Partition: 0, At: 2, LeaderEpoch: -1}}.Offsets())
	check(err)
	check(deleted.Error())
	equal(at(adm.ListStartOffsets(ctx, topic)), int64(2))
	equal(readPartition(topic, 2)[0].Offset, int64(2))
}

func cluster() {
	adm := admin()
	defer adm.Close()
	topic := newTopic(1)
	send(topic, 0, "some bytes")
	metadata, err := adm.BrokerMetadata(ctx)
	check(err)
	equal(len(metadata.Brokers), 1)
	isTrue("a cluster id", len(metadata.Cluster) > 10)
	folders, err := adm.DescribeAllLogDirs(ctx, nil)
	check(err)
	ours := folders[metadata.Brokers[0].NodeID]
	check(ours.Error())
	partition, isThere := ours.LookupPartition(topic, 0)
	isTrue("its folder", isThere)
	isTrue("its size", partition.Size > 10)
	isTrue("the disk's size", ours.Sorted()[0].TotalBytes > 0)
	versions, err := adm.ApiVersions(ctx)
	check(err)
	isTrue("API versions", len(versions) == 1)
}
