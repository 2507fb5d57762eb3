// nodes.mjs — several Roster servers on one database, as clients of a load balancer meet them.
//
// On SQLite they share a file, on PostgreSQL a database, each by way of a proxy of its own if the test wants to break its network.
import assert from 'node:assert/strict';
import { Proxy } from './proxy.mjs';
import { Roster } from './roster.mjs';

/* The version that an answer shows; every answer about an organization has one. */
export function versionOf(answer) {
    const text = answer.header('Roster-Version');
    assert.match(text ?? 'none', /^\d+$/, `Roster-Version of ${answer.status} ${answer.text}`);
    return Number(text);
}

export const atLeast = (version) => ({ headers: { 'Roster-At-Least': String(version) } });

export class Nodes {
    all = []; // Rosters; `proxy` is the one before its database, if there is any

    /* `count` servers with these objects; null: on a database that has not even tables. `store`: the URL of a database that is there;
     * else a new one is made. */
    static async serve(count, objects, { settings = [], proxied = false, store } = {}) {
        const nodes = new Nodes();
        const first = new Roster();
        if (store) first.store = store;
        nodes.store = first.store;
        if (objects) await first.import(objects);
        for (let i = 0; i < count; i++) {
            const node = i === 0 ? first : new Roster();
            node.proxy = proxied ? await Proxy.open(nodes.store) : null;
            node.store = node.proxy ? node.proxy.url : nodes.store;
            nodes.all.push(node);
        }
        nodes.settings = settings;
        await Promise.all(nodes.all.map((node) => node.serve(settings)));
        return nodes;
    }

    /* For commands on the database itself: export, check, import. */
    get database() {
        this.direct ??= Object.assign(new Roster(), { store: this.store });
        return this.direct;
    }

    /* Ends all that run. */
    async stop() {
        for (const node of this.all) await node.stop();
        for (const node of this.all) await node.proxy?.close();
    }

    /* Who asks any of the nodes. */
    as(credential, cursor, random) {
        return new Wanderer(
            this.all.map((node) => node.as(credential)),
            cursor,
            random,
        );
    }
}

/* Sends each request to a random node and never sees an older version of an organization than it, or another with the same cursor,
 * saw before. A cursor is { version }, to begin with 0. */
export class Wanderer {
    constructor(clients, cursor, random) {
        Object.assign(this, { clients, cursor, random });
    }

    get(path, options) {
        return this.request('GET', path, options);
    }

    post(path, json, options) {
        return this.request('POST', path, { json, ...options });
    }

    put(path, json, options) {
        return this.request('PUT', path, { json, ...options });
    }

    delete(path, json, options) {
        return this.request('DELETE', path, { json, ...options });
    }

    async request(method, path, options = {}) {
        const asked = this.cursor.version;
        const client = this.random.pick(this.clients);
        const answer = await client.request(method, path, { ...options, ...atLeast(asked) });
        if (answer.status === 403 && !answer.header('Roster-Version')) return answer; // its credential's rights alone refuse it
        const version = versionOf(answer);
        assert.ok(version >= asked, `${method} ${path}: version ${version}, at least ${asked} was asked for`);
        this.cursor.version = Math.max(this.cursor.version, version);
        return answer;
    }
}
