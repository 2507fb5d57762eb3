// pgbouncer.mjs — a PgBouncer before a PostgreSQL, on a unix socket, in transaction mode: a connection is somebody else's after each
// transaction, so that nothing may be kept in it.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { query } from './postgres.mjs';
import { eventually } from './wait.mjs';

const everyone = new Set();
process.on('exit', () => everyone.forEach((pooler) => pooler.end()));

export class PgBouncer {
    log = '';

    /* Before the database of this URL of a unix socket; `settings`: lines of the section [pgbouncer]. */
    static async start(databaseUrl, settings = []) {
        const pooler = new PgBouncer(databaseUrl);
        pooler.#spawn(settings);
        try {
            await eventually(() => query(pooler.url, 'select 1'));
        } catch (error) {
            throw new Error(`${error.message}\n${pooler.log}`);
        }
        return pooler;
    }

    constructor(databaseUrl) {
        this.name = /\/([^/?]+)\?/.exec(databaseUrl)[1];
        this.host = /[?&]host=([^&]*)/.exec(databaseUrl)[1];
        this.directory = fs.mkdtempSync('/tmp/roster-bouncer-');
        everyone.add(this);
    }

    #spawn(settings) {
        const file = path.join(this.directory, 'pgbouncer.ini');
        const lines = [
            '[databases]',
            `${this.name} = host=${this.host} port=5432 dbname=${this.name} user=postgres`,
            '[pgbouncer]',
            `unix_socket_dir = ${this.directory}`,
            'listen_port = 6432',
            'auth_type = any',
            'pool_mode = transaction',
            'default_pool_size = 4',
            'max_client_conn = 200',
            ...settings,
        ];
        fs.writeFileSync(file, `${lines.join('\n')}\n`);
        fs.chmodSync(this.directory, 0o777); // for whoever it runs as
        const program = fs.existsSync('/usr/sbin/pgbouncer') ? '/usr/sbin/pgbouncer' : 'pgbouncer';
        const asServer = process.getuid() === 0 ? ['--reuid=postgres', '--regid=postgres', '--init-groups'] : []; // root it refuses to be
        const args = ['--pdeathsig', 'KILL', ...asServer, program, file]; // it ends with this process, whatever that dies of
        this.child = spawn('setpriv', args, { stdio: ['ignore', 'pipe', 'pipe'] });
        for (const stream of [this.child.stdout, this.child.stderr]) stream.on('data', (text) => (this.log += text)).unref();
        this.child.unref(); // it does not keep a file from ending whose test failed
        this.ended = new Promise((resolve) => this.child.on('close', resolve));
    }

    get url() {
        return `postgres://postgres@/${this.name}?host=${this.directory}&port=6432`;
    }

    end() {
        everyone.delete(this);
        this.child?.kill('SIGKILL');
        fs.rmSync(this.directory, { recursive: true, force: true });
    }

    async stop() {
        this.child.ref();
        this.child.kill('SIGINT');
        await this.ended;
        this.end();
    }
}
