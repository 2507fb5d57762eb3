// machine.mjs - what the benchmark does to the machine: programs pinned to a core, wrk, nginx, and what /proc tells of them.
import { spawn, spawnSync } from 'node:child_process';
import {
  closeSync, existsSync, mkdirSync, openSync, readFileSync, readdirSync, readlinkSync, statSync, truncateSync, writeFileSync,
} from 'node:fs';
import { connect, createServer } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';

export const SERVER_CORE = 0;
export const CLIENT_CORE = 1;
const TICK_US = 10_000; // of /proc/PID/stat

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const finished = (child) => new Promise((resolve) => {
  if (child.exitCode !== null || child.signalCode) resolve(child.exitCode);
  else child.once('exit', resolve);
});

// Whatever is still running when the benchmark ends, in order or not, ends with it.
const children = new Set();
function started(child) {
  children.add(child);
  child.once('exit', () => children.delete(child));
  return child;
}
process.on('exit', () => children.forEach((child) => child.kill('SIGTERM')));
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(1));

export function sorted(numbers) {
  return [...numbers].sort((a, b) => a - b);
}
export function median(numbers) {
  const s = sorted(numbers), half = s.length >> 1;
  return s.length % 2 ? s[half] : (s[half - 1] + s[half]) / 2;
}

// A program of the client's side: runs to its end on its core, answers with what it printed.
export function run(command, args, { input, core = CLIENT_CORE } = {}) {
  const ran = spawnSync('taskset', ['-c', String(core), command, ...args], { input, encoding: 'utf8', maxBuffer: 1 << 26 });
  if (ran.status !== 0) throw new Error(`${command} ${args.join(' ')}: ${ran.stderr || ran.stdout || ran.error || ran.signal}`);
  return ran.stdout;
}

// User and system time of a process in microseconds, all threads.
export function cpuUs(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /s, '').split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_US;
}

// The same of a process and all its children, those that have ended too.
export function familyCpuUs(pid) {
  const ended = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /s, '').split(' ');
  let total = cpuUs(pid) + (Number(ended[13]) + Number(ended[14])) * TICK_US;
  for (const child of readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean)) {
    try {
      total += cpuUs(child);
    } catch {
      // it has just ended
    }
  }
  return total;
}

// { VmRSS, RssAnon, VmHWM ... } in MB
export function memoryMb(pid) {
  const found = {};
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  for (const [, name, kib] of status.matchAll(/^(\w+):\s+(\d+) kB$/gm)) found[name] = (Number(kib) * 1024) / 1e6;
  return found;
}

// The header with a credential: a bearer token, { key } for one that is sent as it is, or { cookie }.
const credentialHeader = (credential) =>
  credential.cookie ? `Cookie: ${credential.cookie}` : `Authorization: ${credential.key ?? `Bearer ${credential}`}`;

// One request on a connection of its own: { status, head, body }.
export function fetchOnce(port, path, credential) {
  return new Promise((resolve, reject) => {
    const chunks = [];
    const socket = connect(port, '127.0.0.1', () => {
      const line = credential ? `${credentialHeader(credential)}\r\n` : '';
      socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n${line}\r\n`);
    });
    socket.setNoDelay(true);
    socket.on('error', reject);
    socket.on('data', (chunk) => {
      chunks.push(chunk);
      const all = Buffer.concat(chunks), end = all.indexOf('\r\n\r\n');
      if (end < 0) return;
      const head = all.toString('latin1', 0, end + 2);
      const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0);
      if (all.length < end + 4 + length) return;
      socket.destroy();
      resolve({ status: Number(head.slice(9, 12)), head, body: all.subarray(end + 4) });
    });
    socket.on('close', () => reject(new Error(`${path}: the connection was closed`)));
  });
}

// `roster serve` on its core (or on `cores`), with every setting as it is by default.
export class Server {
  static async start(binary, store, log, cores = SERVER_CORE) {
    const server = new Server();
    const stderr = openSync(log, 'a');
    const began = process.hrtime.bigint();
    const args = ['-c', String(cores), binary, 'serve', '--store', store, '--listen', '127.0.0.1:0'];
    server.child = started(spawn('taskset', args, { stdio: ['ignore', 'pipe', stderr] }));
    closeSync(stderr);
    server.began = began;
    server.log = log;
    server.pid = server.child.pid;
    server.child.stdout.setEncoding('utf8');
    server.port = await new Promise((resolve, reject) => {
      let text = '';
      server.child.stdout.on('data', (chunk) => {
        text += chunk;
        const url = /listening on http:\/\/127\.0\.0\.1:(\d+)/.exec(text);
        if (url) resolve(Number(url[1]));
      });
      server.child.once('exit', (code) => reject(new Error(`roster serve ended with ${code}, see ${log}`)));
    });
    return server;
  }

  worker() {
    return this.pid;
  }

  // The request log is written as always, but a benchmark's gigabytes of it need not be kept.
  forgetLog() {
    truncateSync(this.log, 0);
  }

  async stop() {
    this.child.kill('SIGTERM');
    const code = await finished(this.child);
    if (code !== 0) throw new Error(`roster serve ended with ${code} after SIGTERM, see ${this.log}`);
  }
}

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

// The yardstick: nginx on the server's core, one worker, no log, files kept open. Four servers in one process: the plain file,
// and the file with the header lines Roster sends, each with sendfile on and off. Only one of them is asked at a time.
// `headers` are the lines to send with each file: { 'four.json': [[name, value], ...], ... }.
export class Nginx {
  static async start(directory, headers) {
    const nginx = new Nginx();
    nginx.files = join(directory, 'www');
    mkdirSync(nginx.files, { recursive: true });
    nginx.ports = {};
    const quoted = (text) => `"${text.replace(/(["\\])/g, '\\$1')}"`;
    const servers = [];
    for (const bytes of ['same', 'plain']) {
      for (const sendfile of ['on', 'off']) {
        const port = await freePort();
        nginx.ports[`${bytes} ${sendfile}`] = port;
        const lines = [`listen 127.0.0.1:${port} backlog=4096;`, `sendfile ${sendfile};`];
        if (bytes === 'same') {
          lines.push('max_ranges 0;');
          for (const [file, list] of Object.entries(headers)) {
            const added = list.map(([name, value]) => ` add_header ${name} ${quoted(value)} always;`);
            lines.push(`location = /${file} { add_header Last-Modified "";${added.join('')} }`);
          }
        }
        servers.push(`  server {\n${lines.map((line) => `    ${line}\n`).join('')}  }\n`);
      }
    }
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
      .map((name) => `  ${name}_temp_path ${directory}/tmp_${name};\n`).join('');
    const configuration = join(directory, 'nginx.conf');
    writeFileSync(configuration, `# written by bench/machine.mjs
worker_processes 1;
worker_rlimit_nofile 8192;
daemon off;
${process.getuid() === 0 ? `user ${userInfo().username};\n` : ''}pid ${directory}/nginx.pid;
error_log ${directory}/nginx.log error;
events {
  worker_connections 4096;
  multi_accept on;
}
http {
${temporary}  access_log off;
  open_file_cache max=100 inactive=1h;
  open_file_cache_valid 1h;
  tcp_nopush on;
  tcp_nodelay on;
  keepalive_requests 1000000000;
  etag off;
  server_tokens off;
  types { }
  default_type application/json;
  root ${nginx.files};
${servers.join('')}}
`);
    const program = existsSync('/usr/sbin/nginx') ? '/usr/sbin/nginx' : 'nginx';
    const args = ['-c', String(SERVER_CORE), program, '-e', `${directory}/nginx.log`, '-c', configuration];
    nginx.child = started(spawn('taskset', args, { stdio: 'inherit' }));
    for (let tries = 0; nginx.worker() === undefined; tries++) {
      if (tries === 200 || nginx.child.exitCode !== null) throw new Error(`nginx did not start, see ${directory}/nginx.log`);
      await sleep(20);
    }
    return nginx;
  }

  worker() {
    const children = readFileSync(`/proc/${this.child.pid}/task/${this.child.pid}/children`, 'utf8').split(' ');
    return children[0] ? Number(children[0]) : undefined;
  }

  put(name, body) {
    writeFileSync(join(this.files, name), body);
  }

  async stop() {
    this.child.kill('SIGTERM');
    await finished(this.child);
  }
}

// wrk against a port; `worker` is the process whose time counts as the server's.
export function wrk(worker, port, { path = '/', credential, requests, connections = 64, seconds }) {
  const before = cpuUs(worker);
  const printed = run('wrk', [
    '-t1', `-c${connections}`, `-d${Math.max(1, Math.round(seconds))}s`, '--timeout', '10s', // wrk takes whole seconds
    ...(credential ? ['-H', credentialHeader(credential)] : []),
    '-s', new URL('requests.lua', import.meta.url).pathname,
    `http://127.0.0.1:${port}${path}`, ...(requests ? ['--', requests] : []),
  ]);
  const used = cpuUs(worker) - before;
  const line = /^RESULT (.*)$/m.exec(printed);
  if (!line) throw new Error(`wrk printed no result: ${printed}`);
  const result = JSON.parse(line[1]);
  if (result.requests === 0 || result.bad_status > 0) {
    throw new Error(`${path}: ${result.bad_status} of ${result.requests} answers were no 200`);
  }
  return { ...result, rate: result.requests / result.seconds, cpu_us: used / result.requests, busy: used / 1e6 / result.seconds };
}

// Runs a program to its end and samples its memory: { seconds, status, samples: [{ share, rss }], peak }. `share` is how much of
// `input` has been read, or of the time when the program does not read it once from front to back.
export async function watch(command, args, input, log) {
  const out = openSync(log, 'w');
  const began = process.hrtime.bigint();
  const child = started(spawn(command, args, { stdio: ['ignore', out, out] }));
  closeSync(out);
  const samples = [];
  const size = input ? statSync(input).size : 1;
  const sample = () => {
    try {
      const memory = memoryMb(child.pid);
      if (!memory.VmRSS) return; // it is ending
      samples.push({
        at: Number(process.hrtime.bigint() - began) / 1e9, position: input ? positionIn(child.pid, input) : undefined,
        rss: memory.VmRSS, peak: memory.VmHWM,
      });
    } catch {
      // it has just ended
    }
  };
  const timer = setInterval(sample, 50);
  const status = await finished(child);
  clearInterval(timer);
  const seconds = Number(process.hrtime.bigint() - began) / 1e9;
  const positions = samples.map((s) => s.position).filter((p) => p !== undefined);
  const forward = positions.every((p, i) => i === 0 || p >= positions[i - 1]);
  const once = positions.length > 4 && forward && positions.at(-1) > 0.5 * size;
  for (const s of samples) s.share = once ? (s.position ?? 0) / size : s.at / seconds;
  return { seconds, status, samples, once, peak: Math.max(0, ...samples.map((s) => s.peak)) };
}

function positionIn(pid, path) {
  for (const fd of readdirSync(`/proc/${pid}/fd`)) {
    if (readlinkSync(`/proc/${pid}/fd/${fd}`) === path) {
      return Number(/^pos:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'utf8'))[1]);
    }
  }
  return undefined;
}
