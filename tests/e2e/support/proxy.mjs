// proxy.mjs — what stands between a node and its database in a test: a network that can be broken and mended while it is used.
//
// A proxy is a listener on 127.0.0.1 that passes bytes on to one PostgreSQL. Its mode says what happens to them:
//
//   open            they pass
//   refuse          connections are reset, new ones at once
//   drop            bytes and ends are swallowed both ways: each side believes that the other is there and silent
//   drop-answers    requests pass, answers are swallowed: who sent COMMIT does not learn what became of it
//   drop-requests   answers pass, requests are swallowed: a standby gets everything, and its primary does not hear so
//   hold            nothing passes now, everything does later, in order: a cable pulled and plugged in again
//   delay           everything passes `ms` later
//
// strikeWrite(mode) lets everything pass until the next write's COMMIT comes along: from then on its connection is in that mode, alone.
// So drop loses the COMMIT, drop-answers what became of it, hold lets it come late. strikeCommits(mode) does so to every COMMIT,
// also of who only looks what became of a write.
//
// A connection that lost bytes is reset when its proxy opens again: what would come now would make no sense.
import net from 'node:net';
import { withParameters } from './postgres.mjs';

const TO_DATABASE = 'to the database',
    TO_NODE = 'to the node';

/* As the protocol has it, a text with its end; and what a connection that writes has prepared before. */
const COMMIT = 'COMMIT\0',
    WRITE = 'INSERT INTO change';

/* What a mode does to what goes in a direction: pass, lose or hold. */
const FATES = {
    open: () => 'pass',
    refuse: () => 'lose',
    drop: () => 'lose',
    'drop-answers': (direction) => (direction === TO_NODE ? 'lose' : 'pass'),
    'drop-requests': (direction) => (direction === TO_DATABASE ? 'lose' : 'pass'),
    hold: () => 'hold',
    delay: () => 'pass',
};

/* None keeps a file from ending whose test failed. */
const everyone = new Set();
process.on('exit', () => everyone.forEach((proxy) => proxy.cut()));

export class Proxy {
    #mode = 'open';
    #delayMs = 0;
    #strike = null; // { mode, all }
    connections = new Set();
    accepted = 0; // connections ever

    /* Listens for the database that an URL of a unix socket or of 127.0.0.1 names. */
    static async open(databaseUrl) {
        const proxy = new Proxy(databaseUrl);
        await new Promise((resolve, reject) => proxy.server.listen(0, '127.0.0.1', resolve).on('error', reject));
        proxy.server.unref();
        everyone.add(proxy);
        return proxy;
    }

    constructor(databaseUrl) {
        this.databaseUrl = databaseUrl;
        this.database = endpointOf(databaseUrl);
        this.server = net.createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket));
    }

    /* The database's URL by way of the proxy. */
    get url() {
        const { port } = this.server.address();
        const [, scheme, user, name] = /^(\w+:\/\/)([^/@]*@)?[^/]*\/([^?]*)/.exec(this.databaseUrl);
        const rest = this.databaseUrl.includes('?') ? `?${this.databaseUrl.split('?')[1]}` : '';
        return withParameters(`${scheme}${user ?? ''}127.0.0.1:${port}/${name}${rest}`, { host: null, port: null });
    }

    get mode() {
        return this.#mode;
    }

    /* From now on; `ms` belongs to delay. */
    set(mode, ms = 0) {
        if (!FATES[mode]) throw new Error(`a proxy has no mode ${mode}`);
        this.#mode = mode;
        this.#delayMs = mode === 'delay' ? ms : 0;
        this.#strike = null;
        for (const connection of this.connections) {
            connection.mode = null;
            if (mode === 'refuse' || (connection.lost && mode !== 'drop')) connection.reset();
            else connection.pump();
        }
    }

    strikeWrite(mode) {
        this.#strike = { mode, all: false };
    }

    /* Until set() is called. */
    strikeCommits(mode) {
        this.#strike = { mode, all: true };
    }

    /* True when strikeWrite() has found one. */
    get hasStruck() {
        return this.#strike === null;
    }

    /* The mode into which this chunk brings its connection, if any. */
    modeOf(connection, chunk) {
        if (chunk?.includes(WRITE)) connection.writes = true;
        if (!this.#strike || !chunk?.includes(COMMIT)) return null;
        const { mode, all } = this.#strike;
        if (!all && !connection.writes) return null;
        if (!all) this.#strike = null;
        return mode;
    }

    /* When something that comes now may go on. */
    due() {
        return performance.now() + this.#delayMs;
    }

    /* Resets all connections there are; new ones are welcome if the mode says so. */
    cut() {
        for (const connection of this.connections) connection.reset();
    }

    async close() {
        everyone.delete(this);
        this.cut();
        await new Promise((resolve) => this.server.close(resolve));
    }

    #accept(socket) {
        this.accepted++;
        if (this.#mode === 'refuse') return reset(socket);
        const connection = new Connection(this, socket, net.connect({ ...this.database, allowHalfOpen: true }));
        this.connections.add(connection);
    }
}

/* A node's socket and the database's, and what is under way between them. */
class Connection {
    lost = false; // bytes, or an end
    mode = null; // its own, else its proxy's
    writes = false;

    constructor(proxy, node, database) {
        this.proxy = proxy;
        this.sockets = [node.unref(), database.unref()];
        this.flows = [new Flow(this, TO_DATABASE, node, database), new Flow(this, TO_NODE, database, node)];
    }

    fate(direction) {
        return FATES[this.mode ?? this.proxy.mode](direction);
    }

    /* What goes to the database. */
    see(chunk) {
        const mode = this.proxy.modeOf(this, chunk);
        this.mode ??= mode;
    }

    pump() {
        for (const flow of this.flows) flow.pump();
    }

    reset() {
        this.proxy.connections.delete(this);
        for (const flow of this.flows) clearTimeout(flow.timer);
        for (const socket of this.sockets) reset(socket);
    }

    /* One side broke. In a mode that swallows, the other does not hear of it. */
    broken(direction) {
        if (this.fate(direction) === 'pass') this.reset();
        else this.lost = true;
    }
}

/* One direction of a connection: chunks that wait, each with the moment from which it may go. null is the end. */
class Flow {
    #waiting = [];

    constructor(connection, direction, from, to) {
        Object.assign(this, { connection, direction, to });
        from.on('data', (chunk) => this.#take(chunk));
        from.on('end', () => this.#take(null));
        from.on('error', () => connection.broken(direction));
        from.on('close', () => {
            if (to.destroyed) connection.reset();
        });
    }

    #take(chunk) {
        if (this.direction === TO_DATABASE) this.connection.see(chunk);
        if (this.connection.fate(this.direction) === 'lose') this.connection.lost = true;
        else this.#waiting.push({ chunk, due: this.connection.proxy.due() });
        this.pump();
    }

    pump() {
        clearTimeout(this.timer);
        while (this.#waiting.length && this.connection.fate(this.direction) !== 'hold') {
            const wait = this.#waiting[0].due - performance.now();
            if (wait > 0) {
                this.timer = setTimeout(() => this.pump(), Math.ceil(wait));
                return;
            }
            const { chunk } = this.#waiting.shift();
            if (this.connection.fate(this.direction) === 'lose') this.connection.lost = true;
            else if (chunk === null) this.to.end();
            else this.to.write(chunk);
        }
    }
}

function reset(socket) {
    if (socket.destroyed) return;
    socket.on('error', () => {});
    if (socket.remoteFamily) socket.resetAndDestroy();
    else socket.destroy(); // a unix socket
}

/* Where the database listens. */
function endpointOf(url) {
    const host = /[?&]host=([^&]*)/.exec(url)?.[1];
    const port = /[?&]port=(\d+)/.exec(url)?.[1] ?? /^\w+:\/\/[^/]*:(\d+)\//.exec(url)?.[1] ?? 5432;
    if (host?.startsWith('/')) return { path: `${host}/.s.PGSQL.${port}` };
    return { host: host ?? /^\w+:\/\/(?:[^/@]*@)?([^/:]+)/.exec(url)[1], port: Number(port) };
}
