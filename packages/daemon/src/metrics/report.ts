import type { EngineActivity, EngineInfo } from '@gantry/engine';
import type { Family, Sample } from './exposition.ts';
import type { ProcessFacts } from './process-facts.ts';
import type { Requests } from './requests.ts';

/** All that a report is made of, read at the moment of the scrape. */
export type Reported = {
  readonly version: string;
  readonly gitCommit: string;
  readonly info: EngineInfo;
  readonly activity: EngineActivity;
  readonly requests: Pick<Requests, 'open' | 'answered' | 'actions' | 'starts'>;
  readonly process: ProcessFacts;
};

/** Every family that is served: first those that dockerd has under the same names, then our own. */
export function reportMetrics(reported: Reported): readonly Family[] {
  return [...dockerFamilies(reported), ...processFamilies(reported.process), ...ownFamilies(reported)];
}

const one = (value: number): readonly Sample[] => [{ value }];

function dockerFamilies({ version, gitCommit, info, activity, requests }: Reported): readonly Family[] {
  const { running, paused, stopped } = info.containers;
  const states = { paused, running, stopped };
  return [
    {
      name: 'engine_daemon_container_actions_seconds',
      help: 'The number of seconds it takes to process each container action',
      type: 'histogram',
      samples: [...requests.actions].flatMap(([action, histogram]) => histogram.samples({ action })),
    },
    {
      name: 'engine_daemon_container_states_containers',
      help: 'The count of containers in various states',
      type: 'gauge',
      samples: Object.entries(states).map(([state, value]) => ({ labels: { state }, value })),
    },
    {
      name: 'engine_daemon_engine_cpus_cpus',
      help: 'The number of cpus that the host system of the engine has',
      type: 'gauge',
      samples: one(info.cpus),
    },
    {
      name: 'engine_daemon_engine_info',
      help: 'The information related to the engine and the OS it is running on',
      type: 'gauge',
      samples: [{ labels: engineLabels(info, { version, gitCommit }), value: 1 }],
    },
    {
      name: 'engine_daemon_engine_memory_bytes',
      help: 'The number of bytes of memory that the host system of the engine has',
      type: 'gauge',
      samples: one(info.memoryBytes),
    },
    {
      name: 'engine_daemon_events_subscribers_total',
      help: 'The number of current subscribers to events',
      type: 'gauge',
      samples: one(activity.events.listeners),
    },
    {
      name: 'engine_daemon_events_total',
      help: 'The number of events logged',
      type: 'counter',
      samples: one(activity.events.recorded),
    },
    {
      name: 'engine_daemon_health_checks_failed_total',
      help: 'The total number of failed health checks',
      type: 'counter',
      samples: one(activity.healthChecks.failed),
    },
    {
      name: 'engine_daemon_health_checks_total',
      help: 'The total number of health checks',
      type: 'counter',
      samples: one(activity.healthChecks.run),
    },
  ];
}

function engineLabels(
  info: EngineInfo,
  { version, gitCommit }: { version: string; gitCommit: string },
): Readonly<Record<string, string>> {
  return {
    architecture: info.architecture,
    commit: gitCommit,
    daemon_id: info.id,
    graphdriver: info.storageDriver,
    kernel: info.kernelVersion,
    os: info.operatingSystem,
    os_type: 'linux',
    os_version: info.osVersion,
    version,
  };
}

/** Under the names that every exporter has for them. */
function processFamilies(facts: ProcessFacts): readonly Family[] {
  return [
    {
      name: 'process_cpu_seconds_total',
      help: 'Total user and system CPU time spent in seconds.',
      type: 'counter',
      samples: one(facts.cpuSeconds),
    },
    {
      name: 'process_max_fds',
      help: 'Maximum number of open file descriptors.',
      type: 'gauge',
      samples: one(facts.maxFds),
    },
    { name: 'process_open_fds', help: 'Number of open file descriptors.', type: 'gauge', samples: one(facts.openFds) },
    {
      name: 'process_resident_memory_bytes',
      help: 'Resident memory size in bytes.',
      type: 'gauge',
      samples: one(facts.residentBytes),
    },
    {
      name: 'process_start_time_seconds',
      help: 'Start time of the process since unix epoch in seconds.',
      type: 'gauge',
      samples: one(facts.startedAt.getTime() / 1000),
    },
  ];
}

function ownFamilies({ activity, requests, process }: Reported): readonly Family[] {
  const kinds = Map.groupBy(activity.jobs, ({ kind }) => kind);
  return [
    {
      name: 'gantry_container_start_seconds',
      help: 'How long starts of containers took, from the request to the running process.',
      type: 'histogram',
      samples: requests.starts.samples({}),
    },
    {
      name: 'gantry_api_requests_total',
      help: 'Requests that were answered, by the first digit of the status.',
      type: 'counter',
      samples: [...requests.answered].map(([kind, value]) => ({ labels: { code: `${kind}xx` }, value })),
    },
    {
      name: 'gantry_api_requests_open',
      help: 'Requests that are being answered, streams included.',
      type: 'gauge',
      samples: one(requests.open().length),
    },
    {
      name: 'gantry_shims',
      help: 'Processes of containers and execs that are followed, each with a shim of its own.',
      type: 'gauge',
      samples: one(activity.tasks),
    },
    {
      name: 'gantry_jobs',
      help: 'Long operations that run, by kind.',
      type: 'gauge',
      samples: [...kinds].map(([kind, jobs]) => ({ labels: { kind }, value: jobs.length })),
    },
    {
      name: 'gantry_locked_containers',
      help: 'Containers that something is being done with.',
      type: 'gauge',
      samples: one(activity.locks.length),
    },
    {
      name: 'gantry_longest_lock_seconds',
      help: 'How long the container that was locked first has been locked.',
      type: 'gauge',
      samples: one(Math.max(0, ...activity.locks.map(({ heldMs }) => heldMs)) / 1000),
    },
    {
      name: 'gantry_database_bytes',
      help: 'Size of the database, and of what is written and not folded into it yet.',
      type: 'gauge',
      samples: [
        { labels: { file: 'database' }, value: activity.database.bytes },
        { labels: { file: 'log' }, value: activity.database.logBytes },
      ],
    },
    {
      name: 'gantry_heap_bytes',
      help: 'Memory that the daemon’s objects take.',
      type: 'gauge',
      samples: one(process.heapBytes),
    },
  ];
}
