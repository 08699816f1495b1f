/**
 * Counts and averages behind the metrics: plain numbers that the loops add to, read at each scrape.
 */

/** Average and maximum of something measured now and then. */
export class Measure {
  count = 0;
  sum = 0;
  max = 0;

  add(value: number): void {
    this.count++;
    this.sum += value;
    if (value > this.max) this.max = value;
  }

  get average(): number {
    return this.count === 0 ? 0 : this.sum / this.count;
  }
}

/** What one task did; outlives the task's restarts, so that a failed task's series stay. */
export class TaskMeasures {
  readonly batchSize = new Measure();
  /** Duration of `poll` calls that brought records (source) or of `put` calls (sink), ms. */
  readonly callMs = new Measure();
  readonly commitMs = new Measure();
  /** Records of a committed transaction (exactly-once sources). */
  readonly transactionSize = new Measure();
  commitFailures = 0;
  commitSkips = 0;
  commitSequence = 0;
  /** Sinks: records between the last read and the end of the log, over the owned partitions the worst; partitions. */
  lag = 0;
  partitions = 0;
  /** When the last record was read or a commit succeeded, for a verdict on progress. */
  lastProgressAt = 0;
}
