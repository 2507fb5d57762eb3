// identity-provider.mjs — a real OpenID provider (the package oidc-provider) on loopback: it signs people in, and hands out access tokens
// that are JSON Web Tokens for Roster.
import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto';
import http from 'node:http';

export const AUDIENCE = 'urn:roster';
export const READ = 'Organization.Read',
    WRITE = 'Organization.ReadWrite';

const PAIRS = {
    RS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
    ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
    EdDSA: () => generateKeyPairSync('ed25519'),
};

/* A private key as JWK. */
export const makeKey = (alg, kid) => ({ ...PAIRS[alg]().privateKey.export({ format: 'jwk' }), alg, kid, use: 'sig' });

/* The package tells on the console that it is not configured for production. */
async function withoutConsole(make) {
    const kept = { info: console.info, warn: console.warn };
    console.info = console.warn = () => {};
    try {
        return await make();
    } finally {
        Object.assign(console, kept);
    }
}

const machine = (id) => ({
    client_id: id,
    client_secret: `secret of ${id}`,
    grant_types: ['client_credentials'],
    response_types: [],
    redirect_uris: [],
});

/* The client in which people sign in; nothing listens there, the test reads the code from the redirection. */
const APP = {
    client_id: 'app',
    token_endpoint_auth_method: 'none',
    application_type: 'native',
    grant_types: ['authorization_code'],
    response_types: ['code'],
    redirect_uris: ['http://127.0.0.1/back'],
};

export class IdentityProvider {
    /* `keys` are private JWKs, of which the one with `alg` signs access tokens. `claims` gives what a token says beside the usual of a
     * client or person: { id: { oid, email, email_verified } }. The ids of `machines` are clients of their own. */
    constructor({ keys, alg, machines = [], claims = {} }) {
        Object.assign(this, { keys, alg, machines, claims });
    }

    async start(port = 0) {
        this.server = http.createServer((request, response) => this.answer(request, response));
        await new Promise((resolve) => this.server.listen(port, '127.0.0.1', resolve));
        this.port = this.server.address().port;
        this.issuer = `http://127.0.0.1:${this.port}`;
        this.requests = []; // paths asked for
        const callback = await withoutConsole(() => this.#makeProvider());
        this.answer = (request, response) => {
            this.requests.push(request.url);
            callback(request, response);
        };
        return this;
    }

    async #makeProvider() {
        const { default: Provider } = await import('oidc-provider');
        const server = () => ({
            scope: `${READ} ${WRITE}`,
            audience: AUDIENCE,
            accessTokenFormat: 'jwt',
            accessTokenTTL: 600,
            jwt: { sign: { alg: this.alg } },
        });
        const provider = new Provider(this.issuer, {
            jwks: { keys: this.keys },
            clients: [APP, ...this.machines.map(machine)],
            clientDefaults: { id_token_signed_response_alg: this.alg },
            cookies: { keys: ['test'] },
            scopes: ['openid', READ, WRITE],
            findAccount: (_context, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
            pkce: { methods: ['S256'], required: () => true },
            extraTokenClaims: (_context, token) => this.claims[token.accountId ?? token.clientId],
            features: {
                clientCredentials: { enabled: true },
                resourceIndicators: {
                    enabled: true,
                    defaultResource: () => AUDIENCE,
                    getResourceServerInfo: server,
                    useGrantedResource: () => true,
                },
            },
            ttl: { AccessToken: 600, ClientCredentials: 600, Grant: 600, IdToken: 600, Interaction: 600, Session: 600 },
        });
        return provider.callback();
    }

    async stop() {
        this.server.closeAllConnections();
        await new Promise((resolve) => this.server.close(resolve));
    }

    async #post(path, values) {
        const answer = await fetch(this.issuer + path, { method: 'POST', body: new URLSearchParams(values) });
        const json = await answer.json();
        if (!answer.ok) throw new Error(`${path}: ${JSON.stringify(json)}`);
        return json;
    }

    /* The token that one of `machines` gets for itself: its sub is the client's id. */
    async machineToken(id, scope) {
        const basic = Buffer.from(`${encodeURIComponent(id)}:${encodeURIComponent(`secret of ${id}`)}`).toString('base64');
        const answer = await fetch(`${this.issuer}/token`, {
            method: 'POST',
            headers: { Authorization: `Basic ${basic}` },
            body: new URLSearchParams({ grant_type: 'client_credentials', scope }),
        });
        const json = await answer.json();
        if (!answer.ok) throw new Error(JSON.stringify(json));
        return json.access_token;
    }

    /* Signs a person in as a browser would: authorization code with PKCE, log-in form, consent form. */
    async signIn(login, scope) {
        const verifier = randomBytes(32).toString('base64url');
        const jar = new Map();
        const visit = async (url, form) => {
            const answer = await fetch(new URL(url, this.issuer), {
                method: form ? 'POST' : 'GET',
                redirect: 'manual',
                headers: { Cookie: [...jar].map(([name, value]) => `${name}=${value}`).join('; ') },
                ...(form && { body: new URLSearchParams(form) }),
            });
            for (const line of answer.headers.getSetCookie()) {
                const [, name, value] = /^([^=]+)=([^;]*)/.exec(line);
                jar.set(name, value);
            }
            return answer.headers.get('location');
        };
        const question = new URLSearchParams({
            client_id: APP.client_id,
            response_type: 'code',
            redirect_uri: APP.redirect_uris[0],
            scope: `openid ${scope}`,
            resource: AUDIENCE,
            code_challenge: createHash('sha256').update(verifier).digest('base64url'),
            code_challenge_method: 'S256',
        });
        let at = await visit(`/auth?${question}`);
        for (const form of [{ prompt: 'login', login, password: 'any' }, { prompt: 'consent' }]) at = await visit(await visit(at, form));
        const code = new URL(at).searchParams.get('code');
        const values = { grant_type: 'authorization_code', code, client_id: APP.client_id, redirect_uri: APP.redirect_uris[0] };
        return (await this.#post('/token', { ...values, code_verifier: verifier, resource: AUDIENCE })).access_token;
    }
}
