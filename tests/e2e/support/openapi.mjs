// openapi.mjs — every answer that a test receives must be one that openapi/*.json describes: status, headers, content type, body.
// And what the server took (an answer below 300) must be a request that is described.
//
// A description says in `x-roster` what OpenAPI has no words for:
//
//   api, prefix, morePrefixes   which API it is of, and under which prefixes its paths are
//   suffix                      what its paths end with and need not end with (".json")
//   otherwise                   answers to paths and methods that it does not have
//   unknownMethod               answers to methods that a path of it does not have, where that is not 405
//   withoutSuffix               more answers of its operations, to paths that do not end with the suffix
//   namesInAnyCase              names in a request may be in any letter case
//   lastCounts                  of a parameter that is sent twice the last counts, not the first
//
// and an operation, in `x-roster-answers`, a schema that each of its answers in JSON fits besides, errors included.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import addFormats from 'ajv-formats';
import Ajv2020 from 'ajv/dist/2020.js';

const FOLDER = new URL('../../../openapi/', import.meta.url);

export const descriptions = fs
    .readdirSync(FOLDER)
    .filter((name) => name.endsWith('.json'))
    .map((name) => readDescription(name));

function readDescription(name) {
    const document = JSON.parse(fs.readFileSync(new URL(name, FOLDER), 'utf8'));
    const { api, prefix, morePrefixes = [], suffix = '', namesInAnyCase = false, lastCounts = false } = document['x-roster'];
    const routes = Object.entries(document.paths).map(([pattern, item]) => {
        const parts = withoutSuffix(pattern, suffix)
            .split(/\{\w+\}/)
            .map((part) => part.replaceAll('.', '\\.'));
        return { pattern, item, regexp: new RegExp(`^${parts.join('[^/]+')}$`) };
    });
    const headers = new Set(headerNames(document));
    return { name, document, api, prefixes: [prefix, ...morePrefixes], suffix, namesInAnyCase, lastCounts, routes, headers };
}

/* Of every header that is described anywhere in the document, in lower case. */
function headerNames(document) {
    const names = [];
    JSON.stringify(document, (key, value) => {
        if (key === 'headers' && value) names.push(...Object.keys(value).map((name) => name.toLowerCase()));
        return key === 'components' ? { ...value, headers: undefined } : value; // there they have names of their own
    });
    return names;
}

// --- finding what is described ---

export const METHODS = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace'];

/* What a JSON pointer (`#/components/responses/NotFound`) of a document points to. */
export function follow(document, pointer) {
    const parts = pointer
        .split('/')
        .slice(1)
        .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
    return parts.reduce((value, part) => value?.[part], document);
}

/* The object itself, or what its $ref points to; with the pointer to it. */
function resolve(document, pointer) {
    const value = follow(document, pointer);
    return value?.$ref ? resolve(document, value.$ref) : { value, pointer };
}

const escape = (part) => String(part).replaceAll('~', '~0').replaceAll('/', '~1');

export function withoutSuffix(path, suffix) {
    return suffix && path.endsWith(suffix) ? path.slice(0, -suffix.length) : path;
}

/* The longest of the description's prefixes that the path begins with; '' if there is none. */
export function prefixOf({ prefixes, suffix }, path) {
    const plain = withoutSuffix(path, suffix);
    const fits = (prefix) => prefix === '/' || plain === prefix || plain.startsWith(`${prefix}/`);
    return prefixes.filter(fits).reduce((a, b) => (b.length > a.length ? b : a), '');
}

/* The description whose prefix is the longest. */
function descriptionOf(path) {
    return descriptions.reduce((a, b) => (prefixOf(b, path).length > prefixOf(a, path).length ? b : a));
}

/* Where the answers of this method and path are described: { description, operation, responses: pointers by status }. `operation`
 * is a pointer too, undefined if there is none. */
function find(method, path) {
    const description = descriptionOf(path);
    const plain = withoutSuffix(path, description.suffix);
    const route = description.routes.find(({ regexp }) => regexp.test(plain));
    if (route?.item[method.toLowerCase()]) {
        const operation = `#/paths/${escape(route.pattern)}/${method.toLowerCase()}`;
        const more = plain === path ? ['#/x-roster/withoutSuffix'] : [];
        return { description, operation, responses: statuses(description, `${operation}/responses`, ...more) };
    }
    const responses = statuses(description, '#/x-roster/otherwise');
    responses.delete(route ? '404' : '405');
    if (route) statuses(description, '#/x-roster/unknownMethod').forEach((pointers, status) => responses.set(status, pointers));
    return { description, responses };
}

/* Pointers by status; a status may be in several places, or a place not be there. */
function statuses({ document }, ...places) {
    const found = new Map();
    for (const place of places)
        for (const status of Object.keys(follow(document, place) ?? {}))
            found.set(status, [...(found.get(status) ?? []), `${place}/${status}`]);
    return found;
}

// --- schemas, each compiled when it is first needed ---

/* Knows all descriptions by the names of their files. A schema with a keyword that it does not know is a mistake. */
export function newAjv(options = {}) {
    const ajv = addFormats(new Ajv2020({ strict: true, strictTypes: false, strictRequired: false, ...options }));
    ajv.addVocabulary([...new Set(descriptions.flatMap(({ document }) => Object.keys(document)))]);
    for (const { name, document } of descriptions) ajv.addSchema(document, name);
    return ajv;
}

const ajv = newAjv({ validateSchema: false }); // openapi.test.mjs validates them

const validators = new Map();

/* null, or what does not fit. */
function complaint(description, pointer, value) {
    const key = description.name + pointer;
    if (!validators.has(key)) validators.set(key, ajv.compile({ $ref: encodeURI(key) }));
    const validate = validators.get(key);
    return validate(value) ? null : ajv.errorsText(validate.errors, { dataVar: 'it' });
}

/* The value that a text in a header or query stands for, as far as a schema says so. */
function readText(description, pointer, text) {
    const isNumber = (schema) =>
        schema.$ref
            ? isNumber(follow(description.document, schema.$ref))
            : schema.type === 'integer' || schema.allOf?.some(isNumber);
    return isNumber(follow(description.document, pointer)) && /^\d+$/.test(text) ? Number(text) : text;
}

// --- answers ---

/* null, or why the answer is not the described one. `answer` has status, text, header(name); of HEAD the body is not there. */
function answerComplaint(description, responsePointer, answer, hasBody = true) {
    const { value: response, pointer } = resolve(description.document, responsePointer);
    const wrong = headersComplaint(description, pointer, response.headers ?? {}, answer);
    if (wrong) return wrong;
    const type = answer.header('Content-Type');
    if (!response.content)
        return type === undefined && answer.text === '' ? null : `there should be no body, not ${type} ${answer.text}`;
    const media = type ?? '*/*';
    if (!response.content[media]) return `its Content-Type is ${type}, not ${Object.keys(response.content).join(' or ')}`;
    if (!hasBody) return null;
    return bodyComplaint(description, `${pointer}/content/${escape(media)}/schema`, media, answer.text);
}

/* Only Set-Cookie may be there more than once; each must fit. A header that is described for another answer must not be there. */
function headersComplaint(description, pointer, headers, answer) {
    const known = new Set(Object.keys(headers).map((name) => name.toLowerCase()));
    const [surplus] = answer.headers.find(([name]) => isDescribed(description, name) && !known.has(name.toLowerCase())) ?? [];
    if (surplus) return `it has ${surplus}, which is not described for it`;
    for (const name of Object.keys(headers)) {
        const found = resolve(description.document, `${pointer}/headers/${name}`);
        const texts = name === 'Set-Cookie' ? cookies(answer) : [answer.header(name)].filter((text) => text !== undefined);
        if (!texts.length && found.value.required) return `it has no ${name}`;
        const schema = `${found.pointer}/schema`;
        const wrong = texts.map((text) => complaint(description, schema, readText(description, schema, text))).find(Boolean);
        if (wrong) return `${name}: ${wrong}`;
    }
    return null;
}

const isDescribed = ({ headers }, name) => headers.has(name.toLowerCase());

const cookies = ({ headers }) => headers.filter(([name]) => name.toLowerCase() === 'set-cookie').map(([, value]) => value);

function bodyComplaint(description, pointer, media, text) {
    if (!media.includes('json')) return complaint(description, pointer, text);
    try {
        return complaint(description, pointer, JSON.parse(text));
    } catch (error) {
        return error.message;
    }
}

/* `method` and `target` (a path with its query) were answered by `answer`; `content` was sent as the body. */
export function assertDescribed(method, target, content, answer) {
    const [path, query = ''] = target.split(/\?(.*)/s);
    const { description, operation, responses } = find(method, path);
    const about = `${method} ${target.slice(0, 200)} is answered ${answer.status}`;
    const pointers = responses.get(String(answer.status));
    assert.ok(pointers, `${about}, which openapi/${description.name} does not have for it: ${answer.text.slice(0, 500)}`);
    const wrong =
        mostOf(pointers.map((pointer) => answerComplaint(description, pointer, answer, method !== 'HEAD'))) ??
        operationComplaint(description, operation, answer);
    assert.ok(!wrong, `${about}, but not as openapi/${description.name} has it: ${wrong}\n${answer.text.slice(0, 500)}`);
    if (answer.status < 300 && operation) assertRequestDescribed(description, operation, query, content, about);
}

/* null if the answer is one of those that it may be, else what is wrong with each. */
const mostOf = (complaints) => (complaints.includes(null) ? null : complaints.join('; '));

/* null, or why it is no answer of this operation. */
function operationComplaint(description, operation, answer) {
    const pointer = `${operation}/x-roster-answers`;
    if (!operation || !answer.text || !follow(description.document, pointer)) return null;
    if (!answer.header('Content-Type')?.includes('json')) return null;
    return bodyComplaint(description, pointer, 'json', answer.text);
}

/* An answer of which it is not known what it was asked for: it must be some API's for that status. */
export function assertDescribedSomewhere(answer) {
    const complaints = [];
    for (const description of descriptions) {
        const operations = description.routes.flatMap(({ pattern, item }) =>
            METHODS.filter((method) => item[method]).map((method) => `#/paths/${escape(pattern)}/${method}/responses`),
        );
        const others = ['otherwise', 'unknownMethod', 'withoutSuffix'].map((name) => `#/x-roster/${name}`);
        for (const pointer of statuses(description, ...operations, ...others).get(String(answer.status)) ?? []) {
            const wrong = answerComplaint(description, pointer, answer);
            if (!wrong) return;
            complaints.push(`${description.name} ${pointer}: ${wrong}`);
        }
    }
    assert.fail(
        `no description has this answer: ${answer.status} ${answer.text.slice(0, 500)}\n${complaints.join('\n').slice(0, 2000)}`,
    );
}

// --- requests ---

/* Names that stand in a description in one spelling only, and may be sent in any. */
function respell(description, value, names) {
    if (!description.namesInAnyCase || !value || typeof value !== 'object') return value;
    if (Array.isArray(value)) return value.map((item) => respell(description, item, names));
    const spelling = new Map(names.map((name) => [name.toLowerCase(), name]));
    return Object.fromEntries(
        Object.entries(value).map(([name, item]) => [
            spelling.get(name.toLowerCase()) ?? name,
            respell(description, item, names),
        ]),
    );
}

/* Every name that the description gives to a member of an object. */
function memberNames({ document }) {
    const names = [];
    JSON.stringify(document, (key, value) => {
        if (key === 'properties') names.push(...Object.keys(value));
        return value;
    });
    return names;
}

function parameters(description, operation) {
    const { document } = description;
    const own = follow(document, operation).parameters ?? [];
    return own.map((_, i) => resolve(document, `${operation}/parameters/${i}`)).filter(({ value }) => value.in === 'query');
}

/* The server took it: then it must fit what is described as tolerantly as the server is. */
function assertRequestDescribed(description, operation, query, content, about) {
    const sent = [...new URLSearchParams(query)];
    for (const { value: parameter, pointer } of parameters(description, operation)) {
        const same = (name) =>
            description.namesInAnyCase ? name.toLowerCase() === parameter.name.toLowerCase() : name === parameter.name;
        const values = sent.filter(([name]) => same(name)).map(([, value]) => value);
        if (!values.length) continue;
        const isList = parameter.schema.type === 'array'; // else one of them counts
        const schema = `${pointer}/schema${isList ? '/items' : ''}`;
        const [one] = description.lastCounts ? values.slice(-1) : values;
        for (const value of isList ? values : [one]) {
            const wrong = complaint(description, schema, readText(description, schema, value));
            assert.ok(!wrong, `${about}, but openapi/${description.name} does not allow ${parameter.name}=${value}: ${wrong}`);
        }
    }
    const body = `${operation}/requestBody`;
    const described = follow(description.document, body);
    if (!described || (!content && !described.required)) return;
    const [media] = Object.keys(described.content);
    const value = respell(description, JSON.parse(content), memberNames(description));
    const wrong = complaint(description, `${body}/content/${escape(media)}/schema`, value);
    assert.ok(
        !wrong,
        `${about}, but openapi/${description.name} does not describe that request: ${wrong}\n${String(content).slice(0, 500)}`,
    );
}
