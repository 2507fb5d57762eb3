// matrix-apis.mjs — what each API asks for, and what its answers look like, for the error matrix (../matrix.test.mjs). To add an API
// add its ids and its bodies to APIS and a form to FORMS.
import assert from 'node:assert/strict';
import { assertBytes, assertError, GROUPS } from './bold.mjs';
import { secret } from './objects.mjs';
import { ACTION, assertEnvelope, userId } from './passbolt.mjs';

/* The ids of Acme, of Umbrella, of nobody (the last group was deleted), and what is none: as text, and as JSON. */
export const NUMBERS = {
    organization: { own: 1, foreign: 2, unknown: [4711], text: ['one', '1x'] },
    group: { own: 1, foreign: 11, unknown: [4711, 9], text: ['abc', '0', '-1', '1.5'] },
    user: { own: 2, foreign: 12, unknown: [4711], text: ['abc', '1.5'], json: ['2', 1.5, 0, null, {}] },
};
export const UUIDS = {
    own: secret(1001),
    foreign: secret(1011),
    unknown: [secret(4711), secret(1009)],
    text: ['1', `${secret(1001)}0`],
    json: ['x', 7],
};

/* What Passbolt's API asks for in log-ins, made when the server is there: for stage 0, for tokens, for others. */
export const logIn = { proof: undefined, challenge: undefined, fingerprint: undefined, refreshToken: undefined };

/* The kinds of credentials that only some of Passbolt's routes take, by route; none to log in. */
const BY_ROUTE = {
    'POST /auth/verify': [],
    'POST /auth/login': [],
    'POST /auth/logout': ['session'],
    'POST /auth/jwt/login': [],
    'POST /auth/jwt/refresh': [],
    'POST /auth/jwt/logout': ['session', 'token'], // those who log in have them, a bearer credential has none
};

/* What each API asks for: the kinds of credentials, ids, and for the routes that need one a body and a query, made of ids. `suffix` is
 * what its paths end with, `parts` which ids are in a path where PARTS says something else. */
export const APIS = {
    'bold': {
        kinds: ['bearer', 'api-key'],
        ids: NUMBERS,
        bodies: {
            [`POST ${GROUPS}`]: ({ name }) => ({ name }),
            [`PUT ${GROUPS}/{id}`]: ({ name }) => ({ name }),
            [`POST ${GROUPS}/{id}/users`]: ({ user }) => [{ userId: user }],
            [`DELETE ${GROUPS}/{id}/users`]: ({ user }) => [user],
        },
        queries: {
            [`GET ${GROUPS}`]: { organization: 'organizationId', user: 'userId' },
            [`POST ${GROUPS}`]: { organization: 'organizationId' },
        },
    },
    'tedee': {
        kinds: ['bearer', 'personal-key'],
        ids: { ...NUMBERS, group: UUIDS },
        bodies: {
            'POST /api/v37/organization/{organizationId}/user-groups': ({ name }) => ({ name }),
            'PATCH /api/v37/organization/{organizationId}/user-groups/{groupId}': ({ name }) => ({ name }),
            'POST /api/v37/organization/{organizationId}/user-groups/{groupId}/members': ({ user }) => ({
                organizationUserIds: [user],
            }),
            'DELETE /api/v37/organization/{organizationId}/user-groups/{groupId}/members': ({ user }) => ({
                organizationUserIds: [user],
            }),
        },
    },
    'struct-pim': {
        kinds: ['key'],
        ids: { group: UUIDS },
        bodies: {
            'POST /v1/usergroups': ({ group, name }) => ({ Uid: group, Name: name }),
            'PUT /v1/usergroups': ({ group, name }) => ({ Uid: group, Name: name }),
        },
    },
    'passbolt': {
        kinds: ['session', 'bearer', 'token'],
        byRoute: BY_ROUTE,
        suffix: '.json',
        ids: {
            group: { ...UUIDS, text: [...UUIDS.text, '00000000-0000-7000-8000-000000001001'] }, // no version but 0 to 5
            user: { own: userId(1), foreign: userId(12), unknown: [userId(99)], text: ['abc', '7'], json: ['x', 7] },
            key: { own: () => logIn.fingerprint, unknown: ['0'.repeat(40)], json: ['x', 7, '0'.repeat(39)] },
            token: { own: () => logIn.refreshToken, unknown: [secret(4711)], json: ['x', 7] },
        },
        parts: { 'GET /users/{id}': { id: 'user' } },
        bodies: {
            'POST /groups': ({ name, user }) => ({ name, groups_users: [{ user_id: user, is_admin: true }] }),
            'PUT /groups/{id}': ({ name, user }) => ({ name, groups_users: [{ user_id: user }] }),
            'PUT /groups/{id}/dry-run': ({ name, user }) => ({ name, groups_users: [{ user_id: user }] }),
            'DELETE /groups/{id}': () => ({}),
            'DELETE /groups/{id}/dry-run': () => ({}),
            'POST /auth/verify': ({ key }) => ({ gpg_auth: { keyid: key, server_verify_token: logIn.proof } }),
            'POST /auth/login': ({ key }) => ({ gpg_auth: { keyid: key } }),
            'POST /auth/logout': () => ({}),
            'POST /auth/jwt/login': ({ user }) => ({ user_id: user, challenge: logIn.challenge ?? '' }),
            'POST /auth/jwt/refresh': ({ user, token }) => ({ user_id: user, refresh_token: token }),
            'POST /auth/jwt/logout': () => ({ refresh_token: secret(4712) }), // nobody's
        },
        queries: { 'GET /groups': { user: 'filter[has-users]' } },
    },
    'system': { kinds: [], ids: {} },
};

/* What the parts of paths are the ids of. */
export const PARTS = { organizationId: 'organization', id: 'group', groupId: 'group', uid: 'group', userId: 'user' };

/* --- forms of bodies --- */

const boldForm = (answer, form) => (form === 'nothing' ? assertBytes(answer, '[]') : assertError(answer, form));

function tedeeForm(answer, form) {
    const [text] = answer.json.errorMessages ?? [];
    const [done] = answer.json.organizationUsers ?? [];
    const expected = {
        'envelope': { success: false, errorMessages: [text], statusCode: answer.status },
        'not done': {
            organizationUsers: [
                {
                    organizationUserId: done?.organizationUserId,
                    success: false,
                    error: { code: 1000, message: done?.error?.message },
                },
            ],
        },
    };
    assert.equal(answer.text, JSON.stringify(expected[form]));
}

function structForm(answer, form) {
    if (form === 'empty') return assert.equal(answer.text, '');
    const members = ['Type', 'Title', 'Status', 'Detail', 'Instance', ...(form === 'errors' ? ['errors'] : [])];
    assert.deepEqual(Object.keys(answer.json), members);
    assert.equal(answer.json.Status, answer.status);
}

function systemForm(answer, code) {
    const { message } = answer.json;
    assert.equal(answer.text, JSON.stringify({ message, code, errorMessage: message, errorCode: code }));
}

/* `profile` tells assertEnvelope whether there is a title. Of HEAD there is no body. */
function passboltForm(answer, form, { method, profile }) {
    if (method === 'HEAD') return assert.equal(answer.text, '');
    if (form === 'page') {
        assert.match(answer.header('Content-Type'), /^text\/html/);
        return assert.match(answer.text, /^<!DOCTYPE html>[^]*Please use \.json extension in URL or accept application\/json\./);
    }
    answer.profile = profile;
    if (form === 'nothing') return assert.deepEqual(assertEnvelope(answer, { status: 'success', code: 200 }), []);
    const none = form === 'no route' ? { action: ACTION.error, message: 'Not Found' } : {};
    const body = assertEnvelope(answer, { status: 'error', code: answer.status, ...none });
    if (form === 'problems') assert.ok(Object.keys(body).length, answer.text);
    else assert.equal(body, '');
}

export const FORMS = {
    'bold': boldForm,
    'tedee': tedeeForm,
    'struct-pim': structForm,
    'passbolt': passboltForm,
    'system': systemForm,
};
