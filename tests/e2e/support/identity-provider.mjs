// identity-provider.mjs — a real OpenID Connect provider (the npm package oidc-provider) on loopback: people sign in with a code and PKCE,
// programs by their secret, and both get access tokens (JWT) for a resource server.
//
// What the provider remembers is kept here, so it can be stopped, started again on the same port, and given other keys.
import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import Provider from 'oidc-provider';
import { eventually } from './wait.mjs';

/* Whom tokens are for, and another. */
export const AUDIENCE = 'https://roster.example.org/',
    OTHER_AUDIENCE = 'https://payroll.example.org/';
export const READ = 'Organization.Read',
    WRITE = 'Organization.ReadWrite';

/* The client_id of a program that runs at night; its tokens have that as `sub`. */
export const NIGHT_JOB = 'night-job';

const CALLBACK = 'https://app.example.org/callback'; // never asked: the code is taken from the redirect
const SECRET = 'secret-of-a-program-that-runs-at-night';
const LIFETIME_S = 600;

const KINDS = {
    RS256: ['rsa', { modulusLength: 2048 }],
    PS256: ['rsa', { modulusLength: 2048 }],
    ES256: ['ec', { namedCurve: 'P-256' }],
    EdDSA: ['ed25519'],
};

/* A private key as JSON Web Key. */
export function newKey(alg, kid) {
    return { ...generateKeyPairSync(...KINDS[alg]).privateKey.export({ format: 'jwk' }), kid, alg, use: 'sig' };
}

/* What the package calls an adapter: a store for each kind of thing it remembers. */
function newMemory() {
    const kept = new Map();
    return (kind) => ({
        upsert: async (id, payload) => void kept.set(`${kind} ${id}`, payload),
        find: async (id) => kept.get(`${kind} ${id}`),
        findByUid: async (uid) => [...kept.values()].find((payload) => payload.kind === kind && payload.uid === uid),
        consume: async (id) => void (kept.get(`${kind} ${id}`).consumed = Math.floor(Date.now() / 1000)),
        destroy: async (id) => void kept.delete(`${kind} ${id}`),
        revokeByGrantId: async () => assert.fail('nothing is revoked here'),
    });
}

/* An app for each algorithm, because a client chooses its own; and the program. */
const newClients = (algs) => [
    ...algs.map((alg) => ({
        client_id: `app-${alg}`,
        token_endpoint_auth_method: 'none',
        redirect_uris: [CALLBACK],
        id_token_signed_response_alg: alg,
    })),
    {
        client_id: NIGHT_JOB,
        client_secret: SECRET,
        grant_types: ['client_credentials'],
        redirect_uris: [],
        response_types: [],
        id_token_signed_response_alg: algs[0],
    },
];

export class IdentityProvider {
    #memory = newMemory();
    #accounts;
    #claimedIssuer;
    #sign;
    #clockShift = 0;
    #faults = [];

    /* `accounts`: claims by login. `keys`: private ones; each algorithm among them has its client. For providers that are not what they
     * say: `issuer`, another than its own address, and `sign`, how access tokens are signed whatever the client wants. */
    constructor(accounts, { keys = [newKey('ES256', 'one')], issuer = null, sign = null } = {}) {
        this.#accounts = accounts;
        this.keys = keys;
        this.#claimedIssuer = issuer;
        this.#sign = sign;
        this.port = 0;
        this.requests = []; // { path, at: milliseconds } of all that it was asked
    }

    /* On its former port, if it had one. */
    async start() {
        const server = http.createServer((request, response) => this.#answer(request, response));
        await eventually(async () => {
            server.listen(this.port, '127.0.0.1');
            await once(server, 'listening');
        });
        this.port = server.address().port;
        this.address = `http://127.0.0.1:${this.port}`;
        this.issuer = this.#claimedIssuer ?? this.address;
        this.server = server;
        this.#provide();
        return this;
    }

    async stop() {
        if (!this.server) return;
        const closed = once(this.server, 'close');
        this.server.close();
        this.server.closeAllConnections();
        await closed;
        this.server = null;
        assert.deepEqual(this.#faults, [], 'the provider had trouble of its own');
    }

    /* Starts again with these keys and without the old ones. */
    async restart(keys) {
        await this.stop();
        this.keys = keys;
        return this.start();
    }

    /* The key set as it is published. */
    async publishedKeys() {
        return (await fetch(`${this.address}/jwks`)).text();
    }

    #provide() {
        const provider = new Provider(this.issuer, {
            adapter: this.#memory,
            jwks: { keys: this.keys },
            clients: newClients([...new Set(this.keys.map(({ alg }) => alg))]),
            clientBasedCORS: () => false,
            cookies: { keys: ['of no worth'] },
            enabledJWA: { idTokenSigningAlgValues: Object.keys(KINDS) },
            scopes: ['openid'],
            ttl: { AccessToken: LIFETIME_S, ClientCredentials: LIFETIME_S, IdToken: LIFETIME_S, Interaction: 60, Session: 60, Grant: 60 },
            findAccount: (context, login) => this.#accounts[login] && { accountId: login, claims: () => ({ sub: login }) },
            extraTokenClaims: (context, token) => this.#accounts[token.accountId],
            formats: { customizers: { jwt: (context, token, jwt) => this.#shiftClock(jwt.payload) } },
            features: {
                devInteractions: { enabled: false },
                clientCredentials: { enabled: true },
                resourceIndicators: {
                    enabled: true,
                    getResourceServerInfo: (context, resource, client) => this.#resourceServer(resource, client),
                },
            },
        });
        provider.on('server_error', (context, error) => this.#faults.push(error));
        this.provider = provider;
        this.handle = provider.callback();
    }

    #resourceServer(resource, client) {
        const sign = this.#sign ?? { alg: client.idTokenSignedResponseAlg };
        return { scope: `${READ} ${WRITE}`, audience: resource, accessTokenFormat: 'jwt', jwt: { sign } };
    }

    #shiftClock(payload) {
        payload.iat += this.#clockShift;
        payload.exp += this.#clockShift;
    }

    #answer(request, response) {
        const { pathname } = new URL(request.url, this.address);
        this.requests.push({ path: pathname, at: Date.now() });
        response.setHeader('Connection', 'close'); // or a client would meet a stopped provider on a connection it kept
        if (!pathname.startsWith('/interaction/')) return this.handle(request, response);
        this.#logIn(request, response).catch((error) => {
            this.#faults.push(error);
            response.writeHead(500).end();
        });
    }

    /* Where the form for name and password would be: whoever the client hints at is let in and agrees to all. */
    async #logIn(request, response) {
        const { params } = await this.provider.interactionDetails(request, response);
        const grant = new this.provider.Grant({ accountId: params.login_hint, clientId: params.client_id });
        grant.addOIDCScope('openid');
        if (params.resource) grant.addResourceScope(params.resource, params.scope);
        const result = { login: { accountId: params.login_hint }, consent: { grantId: await grant.save() } };
        await this.provider.interactionFinished(request, response, result);
    }

    // --- what clients do ---

    /* Signs a person in: { access_token, id_token }. `resource`: null for an access token that is for the provider itself; `clock`: by
     * how many seconds the provider's clock is wrong meanwhile. */
    async signIn(login, { scope = WRITE, alg = this.keys[0].alg, resource = AUDIENCE, clock = 0 } = {}) {
        const verifier = randomBytes(32).toString('base64url');
        const common = { client_id: `app-${alg}`, redirect_uri: CALLBACK, ...(resource && { resource }) };
        const code = await this.#authorize({
            ...common,
            response_type: 'code',
            scope: `openid ${scope}`.trimEnd(),
            code_challenge: createHash('sha256').update(verifier).digest('base64url'),
            code_challenge_method: 'S256',
            login_hint: login,
        });
        return this.#requestToken({ ...common, grant_type: 'authorization_code', code, code_verifier: verifier }, { clock });
    }

    /* The access token of a person. */
    async tokenOf(login, options) {
        return (await this.signIn(login, options)).access_token;
    }

    /* The access token of the program. */
    async tokenOfNightJob(scope = WRITE) {
        const authorization = `Basic ${Buffer.from(`${NIGHT_JOB}:${SECRET}`).toString('base64')}`;
        const body = { grant_type: 'client_credentials', scope, resource: AUDIENCE };
        return (await this.#requestToken(body, { headers: { authorization } })).access_token;
    }

    /* As a browser: follows redirects with its cookies until it is sent back to the app. Gives the code. */
    async #authorize(parameters) {
        const cookies = new Map();
        let url = new URL(`${this.address}/auth?${new URLSearchParams(parameters)}`);
        while (!url.href.startsWith(CALLBACK)) {
            const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
            const answer = await fetch(new URL(url.pathname + url.search, this.address), { redirect: 'manual', headers: { cookie } });
            assert.ok([302, 303].includes(answer.status), `${url} answered ${answer.status} ${await answer.text()}`);
            for (const line of answer.headers.getSetCookie()) {
                const [, name, value] = /^([^=]+)=([^;]*)/.exec(line);
                cookies.set(name, value);
            }
            url = new URL(answer.headers.get('location'), url);
        }
        assert.ok(url.searchParams.get('code'), `no code: ${url}`);
        return url.searchParams.get('code');
    }

    async #requestToken(body, { headers = {}, clock = 0 }) {
        this.#clockShift = clock;
        const answer = await fetch(`${this.address}/token`, { method: 'POST', headers, body: new URLSearchParams(body) });
        this.#clockShift = 0;
        const tokens = await answer.json();
        assert.equal(answer.status, 200, JSON.stringify(tokens));
        return tokens;
    }
}
