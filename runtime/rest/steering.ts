/**
 * Status, pause, resume, stop, restart, of connectors and of their tasks.
 */
import { DataError, type Signal } from '../../connectors/api/index.ts';
import { RequestError } from '../errors.ts';
import type { Worker } from '../worker/worker.ts';
import { flag, listOf, signalOf } from './body.ts';
import { accepted, noContent, ok, type Route } from './route.ts';

export function steeringRoutes(worker: Worker): Route[] {
  return [...statusRoutes(worker), ...targetRoutes(worker), ...taskRoutes(worker), ...internalRoutes()];
}

function statusRoutes(worker: Worker): Route[] {
  return [
    {
      method: 'GET',
      path: '/connectors/{name}/status',
      says: 'What a connector and its tasks are doing.',
      query: { expand: 'ledger adds the books of each task.' },
      answers: { 200: 'ConnectorStatus' },
      handle: ({ params, query }) => {
        const name = params.name!;
        const status = worker.status(name);
        if (!listOf(query.expand).includes('ledger')) return ok(status);
        return ok({
          ...status,
          tasks: status.tasks.map((task) => ({ ...task, ledger: worker.ledger(name, task.id) })),
        });
      },
    },
    {
      method: 'POST',
      path: '/connectors/{name}/restart',
      says: 'Restarts the connector, with its tasks if asked, or only what has failed (KIP-745).',
      query: { includeTasks: 'true restarts the tasks as well.', onlyFailed: 'true restarts only what has failed.' },
      answers: { 202: 'ConnectorStatus', 204: null },
      handle: ({ params, query }) => {
        const [includeTasks, onlyFailed] = [flag(query.includeTasks), flag(query.onlyFailed)];
        const status = worker.restart(params.name!, includeTasks, onlyFailed);
        return includeTasks || onlyFailed ? { status: 202, body: status } : noContent;
      },
    },
  ];
}

const targets = {
  pause: { target: 'PAUSED', says: 'Pauses a connector: its tasks stay, and rest.' },
  resume: { target: 'STARTED', says: 'Lets a paused or stopped connector go on.' },
  stop: { target: 'STOPPED', says: 'Stops a connector: its tasks end, its configuration stays (KIP-875).' },
} as const;

function targetRoutes(worker: Worker): Route[] {
  return Object.entries(targets).map(([verb, { target, says }]) => ({
    method: 'PUT',
    path: `/connectors/{name}/${verb}`,
    says,
    answers: target === 'STOPPED' ? { 204: null } : { 202: null },
    handle: async ({ params }) => {
      await worker.setTarget(params.name!, target);
      return target === 'STOPPED' ? noContent : accepted;
    },
  }));
}

function taskRoutes(worker: Worker): Route[] {
  return [
    {
      method: 'GET',
      path: '/connectors/{name}/tasks',
      says: 'The tasks of a connector with their configurations, references unresolved.',
      answers: { 200: 'Tasks' },
      handle: ({ params }) => ok(worker.taskInfos(params.name!)),
    },
    {
      method: 'GET',
      path: '/connectors/{name}/tasks/{task}/status',
      says: 'What a task is doing.',
      answers: { 200: 'TaskStatus' },
      handle: ({ params }) => ok(worker.taskStatus(params.name!, taskNumber(params.task!))),
    },
    {
      method: 'POST',
      path: '/connectors/{name}/tasks/{task}/restart',
      says: 'Restarts a task.',
      answers: { 204: null },
      handle: ({ params }) => {
        worker.restartTask(params.name!, taskNumber(params.task!));
        return noContent;
      },
    },
    {
      method: 'POST',
      path: '/connectors/{name}/tasks/{task}/signals',
      says: 'Gives a running task a command of its connector, for example execute-snapshot.',
      body: 'Signal',
      answers: { 202: 'SignalTaken' },
      handle: async ({ params, body }) => {
        const signal = signalOf(body);
        await signalTask(worker, params.name!, taskNumber(params.task!), signal);
        return { status: 202, body: { id: signal.id } };
      },
    },
  ];
}

/** What the connector does not understand is the caller's mistake. */
async function signalTask(worker: Worker, name: string, task: number, signal: Signal): Promise<void> {
  try {
    await worker.signalTask(name, task, signal);
  } catch (cause) {
    if (cause instanceof DataError) throw new RequestError(400, cause.message, { code: cause.code, cause });
    throw cause;
  }
}

function taskNumber(text: string): number {
  if (/^-?\d{1,9}$/.test(text)) return Number(text);
  throw new RequestError(404, 'HTTP 404 Not Found');
}

/** What workers of one group ask each other (KIP-507). One process has nobody to sign such a request. */
function internalRoutes(): Route[] {
  const handle = () => {
    throw new RequestError(400, 'Internal request missing required signature');
  };
  const says = 'Between workers of Kafka Connect only; always refused here.';
  return [
    { method: 'POST', path: '/connectors/{name}/tasks', says, answers: {}, handle },
    { method: 'PUT', path: '/connectors/{name}/fence', says, answers: {}, handle },
  ];
}
