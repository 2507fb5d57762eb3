// client.mjs — an HTTP client that shows everything of an answer, and one that sends exact bytes. What both receive must be
// described in openapi/ (openapi.mjs).
import assert from 'node:assert/strict';
import http from 'node:http';
import https from 'node:https';
import { assertDescribed, assertDescribedSomewhere } from './openapi.mjs';

export class Answer {
    constructor(status, rawHeaders, text) {
        this.status = status;
        this.headers = []; // [name, value] as sent, in order
        for (let i = 0; i < rawHeaders.length; i += 2) this.headers.push([rawHeaders[i], rawHeaders[i + 1]]);
        this.text = text;
    }

    get json() {
        return JSON.parse(this.text);
    }

    /* The value of a header in any letter case; undefined if it was not sent, an error if it was sent twice. */
    header(name) {
        const values = this.headers.filter(([known]) => known.toLowerCase() === name.toLowerCase());
        assert.ok(values.length <= 1, `${name} was sent ${values.length} times`);
        return values[0]?.[1];
    }
}

/* The headers for a credential: a bearer token as text, { keyId, secret }, { personalKey }, { key } or { session } of Passbolt's API,
 * the cookies by name, of which csrfToken is sent as a header too; null for none. */
export function authorization(credential) {
    if (!credential) return {};
    if (credential.session) return sessionHeaders(credential.session);
    if (typeof credential === 'string') return { Authorization: `Bearer ${credential}` };
    if (credential.personalKey) return { Authorization: `PersonalKey ${credential.personalKey}` };
    if (credential.key) return { Authorization: credential.key };
    return { Authorization: `Basic ${Buffer.from(`${credential.keyId}:${credential.secret}`).toString('base64')}` };
}

function sessionHeaders(cookies) {
    const Cookie = Object.entries(cookies)
        .map(([name, value]) => `${name}=${value}`)
        .join('; ');
    return { Cookie, ...(cookies.csrfToken && { 'X-CSRF-Token': cookies.csrfToken }) };
}

const withoutNulls = (headers) => Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== null));

export class Client {
    /* Connections are kept alive unless told otherwise. */
    constructor(roster, credential, { keepAlive = true, tls = null } = {}) {
        this.roster = roster;
        this.credential = credential;
        this.tls = tls;
        this.agent = new (tls ? https : http).Agent({ keepAlive, maxSockets: Infinity, ...tls });
    }

    close() {
        this.agent.destroy();
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

    patch(path, json, options) {
        return this.request('PATCH', path, { json, ...options });
    }

    /* `json` is sent as JSON, `body` (text or bytes) as it is; a header that is null is not sent. `undescribed` tells why the
     * answer may be one that openapi/ does not have. */
    async request(method, path, { json, body, headers = {}, undescribed } = {}) {
        const content = json !== undefined ? JSON.stringify(json) : body;
        const answer = await this.#send(method, path, content, headers);
        if (undescribed === undefined) assertDescribed(method, path, content, answer);
        else assert.match(undescribed, /\w+ \w+/, 'an answer is exempt for a reason only');
        return answer;
    }

    #send(method, path, content, headers) {
        const { host, port, path: socketPath } = this.roster.endpoint;
        const options = {
            method,
            path,
            agent: this.agent,
            headers: withoutNulls({
                ...authorization(this.credential),
                ...(content !== undefined && {
                    'Content-Type': 'application/json',
                    'Content-Length': Buffer.byteLength(content),
                }),
                ...headers,
            }),
            ...(socketPath ? { socketPath } : { host, port }),
        };
        return new Promise((resolve, reject) => {
            const request = (this.tls ? https : http).request(options, (response) => {
                const chunks = [];
                response.on('data', (chunk) => chunks.push(chunk));
                response.on('error', reject);
                response.on('end', () =>
                    resolve(new Answer(response.statusCode, response.rawHeaders, Buffer.concat(chunks).toString())),
                );
            });
            request.on('error', reject);
            request.end(content);
        });
    }
}

// --- exact bytes ---

/* Sends bytes on a connection of its own and collects what comes back until the server closes (or, with `until`, until that matches).
 * Gives { text, closed }: `closed` tells that the server ended the connection. It may do so while we are still sending. */
export function exchange(roster, bytes, { until = null, limitMs = 20_000, end = false } = {}) {
    return new Promise((resolve) => {
        const socket = roster.connect();
        let text = '';
        const finish = (closed) => {
            clearTimeout(timer);
            socket.destroy();
            resolve({ text, closed });
        };
        const timer = setTimeout(() => finish(false), limitMs);
        socket.on('connect', () => (end ? socket.end(bytes) : socket.write(bytes)));
        socket.setEncoding('latin1').on('data', (chunk) => {
            text += chunk;
            if (until?.test(text)) finish(false);
        });
        socket.on('error', () => finish(true));
        socket.on('close', () => finish(true));
    });
}

/* The answers in a stream of bytes: [{ status, headers: Map of lower-case names, body }]. All answers have a Content-Length or no body. */
export function parseAnswers(text) {
    const answers = [];
    while (text) {
        const end = text.indexOf('\r\n\r\n');
        assert.notEqual(end, -1, `not a whole answer: ${JSON.stringify(text)}`);
        const [statusLine, ...lines] = text.slice(0, end).split('\r\n');
        assert.match(statusLine, /^HTTP\/1\.1 \d{3} /);
        const headers = new Map(
            lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
        );
        const status = Number(statusLine.slice(9, 12));
        const length = status < 200 ? 0 : Number(headers.get('content-length') ?? 0);
        const body = text.slice(end + 4, end + 4 + length);
        assert.equal(body.length, length, 'the answer is shorter than its Content-Length says');
        if (status >= 200)
            assertDescribedSomewhere(new Answer(status, [...headers].flat(), Buffer.from(body, 'latin1').toString()));
        answers.push({ status, headers, body });
        text = text.slice(end + 4 + length);
    }
    return answers;
}
