// matrix-table.mjs — what each API answers to what is wrong: status and form of the body (matrix-apis.mjs, FORMS). A new way to be
// wrong is a row here and a line in FAULTS (../matrix.test.mjs); a new API is a column.

/* A cell of the table that is not asked, and why. */
export const none = (why) => ({ why });
const OPEN = none('no credential is asked for');
export const NO_ID = none('none of its routes has that there');
const NO_BODY = none('none of its routes reads a body');
const ANY_TYPE = none('it reads a body whatever its type is called');
const NO_COOKIES = none('it takes no cookies');
const NO_LOG_IN = none('nobody logs in to it');
const NO_METHOD = '405 MethodNotAllowed';
const ALL_JSON = none('it answers in JSON only');
const LIST_OR_CREATE = { GET: '200 nothing', POST: '404 OrganizationNotFound' };
const FREE_OR_GONE = { POST: none('a client chooses the Uid, among those of its organization'), PUT: '404 problem' };

/* Passbolt takes what is no object for an object without members. */
const REFRESH = 'POST /auth/jwt/refresh';
const MEMBERLESS = {
    'POST /groups': '400 problems',
    'POST /auth/verify': '400 message',
    'POST /auth/login': '400 message',
    'POST /auth/jwt/login': '400 message',
    [REFRESH]: '401 message',
    'others': none('nothing that must be there is missing'),
};
const BAD_USER = { 'POST /auth/jwt/login': '400 message', [REFRESH]: '401 message', 'others': '400 problems' };
const NO_USER = { 'POST /auth/jwt/login': '404 message', [REFRESH]: '401 message', 'others': '400 problems' };

export const COLUMNS = ['bold', 'tedee', 'struct-pim', 'passbolt', 'system'];

/* Where it differs from route to route, by route or by method, else by `others`. */
// prettier-ignore
export const TABLE = [
    // what is wrong                Bold                                Tedee           Struct PIM     Passbolt       system
    ['no credential',                '401 Unauthorized',                 '401 envelope', '401 empty',   '401 message', OPEN],
    ['unknown credential',           '401 Unauthorized',                 '401 envelope', '401 empty',   '401 message', OPEN],
    ['expired credential',           '401 Unauthorized',                 '401 envelope', '401 empty',   '401 message', OPEN],
    ['revoked credential',           '401 Unauthorized',                 '401 envelope', '401 empty',   '401 message', OPEN],
    ['credential of another kind',   '401 Unauthorized',                 '401 envelope', '401 empty',   '401 message', OPEN],
    ['no CSRF cookie',               NO_COOKIES,                         NO_COOKIES,     NO_COOKIES,    '403 message', NO_COOKIES],
    ['no CSRF token',                NO_COOKIES,                         NO_COOKIES,     NO_COOKIES,    '403 message', NO_COOKIES],
    ['wrong CSRF token',             NO_COOKIES,                         NO_COOKIES,     NO_COOKIES,    '403 message', NO_COOKIES],
    ['log-in in a session',          NO_LOG_IN,                          NO_LOG_IN,      NO_LOG_IN,     '409 message', NO_LOG_IN],
    ['log-in with a token',          NO_LOG_IN,                          NO_LOG_IN,      NO_LOG_IN,     '400 message', NO_LOG_IN],
    ['right missing',                '403 Forbidden',                    '403 envelope', '403 problem', '403 message', OPEN],
    ['operation not permitted',      '403 Forbidden',                    '403 envelope', '403 problem', '403 message', OPEN],
    ['path: malformed organization', NO_ID,                              '400 envelope', NO_ID,         NO_ID,         NO_ID],
    ['path: foreign organization',   NO_ID,                              '404 envelope', NO_ID,         NO_ID,         NO_ID],
    ['path: unknown organization',   NO_ID,                              '404 envelope', NO_ID,         NO_ID,         NO_ID],
    ['path: malformed group',        '404 UserGroupNotFound',            '400 envelope', '400 errors',  '400 message', NO_ID],
    ['path: foreign group',          '404 UserGroupNotFound',            '404 envelope', '404 problem', '404 message', NO_ID],
    ['path: unknown group',          '404 UserGroupNotFound',            '404 envelope', '404 problem', '404 message', NO_ID],
    ['path: malformed user',         '400 InvalidInput',                 NO_ID,          NO_ID,         '400 message', NO_ID],
    ['path: foreign user',           '400 GroupAndUserNotInSameAccount', NO_ID,          NO_ID,         '404 message', NO_ID],
    ['path: unknown user',           '400 GroupAndUserNotInSameAccount', NO_ID,          NO_ID,         '404 message', NO_ID],
    ['query: malformed organization','400 InvalidInput',                 NO_ID,          NO_ID,         NO_ID,         NO_ID],
    ['query: foreign organization',  LIST_OR_CREATE,                     NO_ID,          NO_ID,         NO_ID,         NO_ID],
    ['query: unknown organization',  LIST_OR_CREATE,                     NO_ID,          NO_ID,         NO_ID,         NO_ID],
    ['query: malformed user',        '400 InvalidInput',                 NO_ID,          NO_ID,         '400 message', NO_ID],
    ['query: foreign user',          '200 nothing',                      NO_ID,          NO_ID,         '200 nothing', NO_ID],
    ['query: unknown user',          '200 nothing',                      NO_ID,          NO_ID,         '200 nothing', NO_ID],
    ['body: malformed user',         '400 InvalidInput',                 '400 envelope', NO_ID,         BAD_USER,      NO_ID],
    ['body: foreign user',           '400 GroupAndUserNotInSameAccount', '207 not done', NO_ID,         NO_USER,       NO_ID],
    ['body: unknown user',           '400 GroupAndUserNotInSameAccount', '207 not done', NO_ID,         NO_USER,       NO_ID],
    ['body: malformed group',        NO_ID,                              NO_ID,          '400 errors',  NO_ID,         NO_ID],
    ['body: foreign group',          NO_ID,                              NO_ID,          FREE_OR_GONE,  NO_ID,         NO_ID],
    ['body: unknown group',          NO_ID,                              NO_ID,          FREE_OR_GONE,  NO_ID,         NO_ID],
    ['body: malformed key',          NO_ID,                              NO_ID,          NO_ID,         '400 message', NO_ID],
    ['body: unknown key',            NO_ID,                              NO_ID,          NO_ID,         '400 message', NO_ID],
    ['body: malformed token',        NO_ID,                              NO_ID,          NO_ID,         '401 message', NO_ID],
    ['body: unknown token',          NO_ID,                              NO_ID,          NO_ID,         '401 message', NO_ID],
    ['body: not JSON',               '400 InvalidInput',                 '400 envelope', '400 errors',  '400 message', NO_BODY],
    ['body: JSON of another kind',   '400 InvalidInput',                 '400 envelope', '400 errors',  MEMBERLESS,    NO_BODY],
    ['body: null',                   '400 InvalidInput',                 '400 envelope', '400 errors',  '400 message', NO_BODY],
    ['body: none',                   '400 InvalidInput',                 '400 envelope', '400 errors',  MEMBERLESS,    NO_BODY],
    ['wrong content type',           ANY_TYPE,                           '415 envelope', '415 problem', ANY_TYPE,      NO_BODY],
    ['no content type',              ANY_TYPE,                           '415 envelope', '415 problem', ANY_TYPE,      NO_BODY],
    ['asked for a page',             ALL_JSON,                           ALL_JSON,       ALL_JSON,      '404 page',    ALL_JSON],
    ['wrong method',                 '405 MethodNotAllowed',             '405 envelope', '405 problem', '404 no route', NO_METHOD],
    ['unknown path',                 '404 NotFound',                     '404 envelope', '404 problem', '404 no route', '404 NotFound'],
];

/* What the table expects of a route in a profile of Passbolt's API (of other APIs undefined): a text, or { why }. */
export function cellOf(route, row, profile) {
    const cell = row[1 + COLUMNS.indexOf(route.api)];
    if (typeof cell !== 'string')
        return cell.why ? cell : (cell[`${route.method} ${route.pattern}`] ?? cell[route.method] ?? cell.others ?? NO_ID);
    return profile === 2 && cell === '401 message' && !route.public ? '403 message' : cell; // who is not logged in is forbidden there
}
