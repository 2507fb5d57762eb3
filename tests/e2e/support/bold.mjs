// bold.mjs — what Bold's answers look like (docs/bold.md), to compare whole answers with.
import assert from 'node:assert/strict';

export const GROUPS = '/v1/user-groups';

/* Names and values to the letter, in the order of Bold's documentation. */
export const HEADERS = [
    ['Access-Control-Expose-Headers', 'authorization, content-type'],
    ['Access-Control-Allow-Headers', 'authorization, content-type'],
    ['Access-Control-Allow-Methods', 'GET, POST, DELETE, OPTIONS, PUT'],
    ['Access-Control-Allow-Origin', '*'],
    ['Strict-Transport-Security', 'max-age=31536000; includeSubDomains'],
    ['X-Frame-Options', 'SAMEORIGIN'],
    ['X-Content-Type-Options', 'nosniff'],
    ['X-XSS-Protection', '1; mode=block'],
    ['Content-Security-Policy', "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"],
    ['Referrer-Policy', 'no-referrer'],
    ['Feature-Policy', 'self'],
    ['Permissions-policy', 'interest-cohort=()'],
];

/* The texts every client sees; where it is null the text says what was wrong with the input. */
export const ERRORS = {
    Unauthorized: [401, 'Invalid authentication token'],
    Forbidden: [403, 'Insufficient rights'],
    UserGroupNotFound: [404, 'User group not found'],
    OrganizationNotFound: [404, 'Organization not found'],
    GroupAndUserNotInSameAccount: [400, null],
    UserGroupNameTaken: [400, null],
    InvalidInput: [400, null],
    NotFound: [404, null],
    MethodNotAllowed: [405, null],
    PayloadTooLarge: [413, null],
    UriTooLong: [414, null],
};

/* Bold's twelve headers, once each and in order; JSON of the length that is said. */
export function assertBoldHeaders(answer) {
    const names = new Set(HEADERS.map(([name]) => name.toLowerCase()));
    assert.deepEqual(
        answer.headers.filter(([name]) => names.has(name.toLowerCase())),
        HEADERS,
    );
    assert.equal(answer.header('Content-Length'), String(Buffer.byteLength(answer.text)));
    if (answer.text) assert.equal(answer.header('Content-Type'), 'application/json');
}

/* 200 with exactly these bytes. */
export function assertBytes(answer, bytes) {
    assert.equal(answer.text, bytes);
    assert.equal(answer.status, 200);
    assertBoldHeaders(answer);
}

/* 200 with this value as compact JSON, members in this order. */
export function assertJson(answer, value) {
    assertBytes(answer, JSON.stringify(value));
}

/* An error in Bold's form: four members in this order, each text twice. */
export function assertError(answer, code) {
    const [status, text] = ERRORS[code];
    assert.equal(answer.status, status, `expected ${code}, the answer was ${answer.status} ${answer.text}`);
    const message = text ?? answer.json.message;
    assert.ok(typeof message === 'string' && message.length > 0, 'an error has a message');
    assert.equal(answer.text, JSON.stringify({ message, code, errorMessage: message, errorCode: code }));
    assertBoldHeaders(answer);
}

/* A group as it is shown: what is not set is left out, `users` is always there. */
export function shownGroup(
    { id, organizationId, name, description, remarks, dateCreated, dateModified, externalId },
    users = [],
) {
    return {
        id,
        organizationId,
        name,
        description: description ?? '',
        ...(remarks !== undefined && { remarks }),
        dateCreated,
        ...(dateModified !== undefined && { dateModified }),
        ...(externalId !== undefined && { externalId: { value: externalId } }),
        users,
    };
}

/* A user of a test without name, account or e-mail, as it is shown among a group's members. */
export function shownUser({ id, superUser = false, dateCreated }, groupAdmin = false) {
    return {
        id,
        emailAddressVerify: false,
        emailAddressVerified: false,
        phoneNumberVerify: false,
        phoneNumberVerified: false,
        superUser,
        groupAdmin,
        dateCreated,
    };
}

/* `?a=1&b=2`, encoded; '' for nothing. */
export function query(parameters) {
    const text = Object.entries(parameters)
        .filter(([, value]) => value !== undefined)
        .map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
        .join('&');
    return text ? `?${text}` : '';
}

/* The ids of a list. */
export const ids = (answer) => answer.json.map(({ id }) => id);

/* What a test cares for most of a group's members: [[id, groupAdmin], ...]. */
export async function members(client, groupId) {
    const answer = await client.get(`${GROUPS}/${groupId}?includeUsers=true`);
    assert.equal(answer.status, 200, answer.text);
    return answer.json.users.map(({ id, groupAdmin }) => [id, groupAdmin]);
}
