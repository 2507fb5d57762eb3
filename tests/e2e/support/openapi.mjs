// openapi.mjs — every answer that a test receives must be one that openapi/*.json describes: status, headers, content type, body.
// And what the server took (an answer below 300) must be a request that is described.
//
// A description says in `x-roster` which API it is of, under which prefix its paths are, what is answered `otherwise` (to paths
// and methods that it does not have), and whether names in a request may be in any letter case.
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
    const { api, prefix, namesInAnyCase = false } = document['x-roster'];
    const routes = Object.entries(document.paths).map(([pattern, item]) => {
        const parts = pattern.split(/\{\w+\}/).map((part) => part.replaceAll('.', '\\.'));
        return { pattern, item, regexp: new RegExp(`^${parts.join('[^/]+')}$`) };
    });
    return { name, document, api, prefix, namesInAnyCase, routes };
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

function belongsTo(path, { prefix }) {
    return prefix === '/' || path === prefix || path.startsWith(`${prefix}/`);
}

/* The description whose prefix is the longest. */
function descriptionOf(path) {
    return descriptions.filter((one) => belongsTo(path, one)).reduce((a, b) => (b.prefix.length > a.prefix.length ? b : a));
}

/* Where the answers of this method and path are described: { description, operation, responses: pointers by status }. `operation`
 * is a pointer too, undefined if there is none. */
function find(method, path) {
    const description = descriptionOf(path);
    const route = description.routes.find(({ regexp }) => regexp.test(path));
    if (route?.item[method.toLowerCase()]) {
        const operation = `#/paths/${escape(route.pattern)}/${method.toLowerCase()}`;
        return { description, operation, responses: statuses(description, `${operation}/responses`) };
    }
    const responses = statuses(description, '#/x-roster/otherwise');
    responses.delete(route ? '404' : '405');
    return { description, responses };
}

function statuses({ document }, pointer) {
    return new Map(Object.keys(follow(document, pointer)).map((status) => [status, `${pointer}/${status}`]));
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
    for (const name of Object.keys(response.headers ?? {})) {
        const found = resolve(description.document, `${pointer}/headers/${name}`);
        const text = answer.header(name);
        if (text === undefined && found.value.required) return `it has no ${name}`;
        if (text === undefined) continue;
        const schema = `${found.pointer}/schema`;
        const wrong = complaint(description, schema, readText(description, schema, text));
        if (wrong) return `${name}: ${wrong}`;
    }
    const type = answer.header('Content-Type');
    if (!response.content)
        return type === undefined && answer.text === '' ? null : `there should be no body, not ${type} ${answer.text}`;
    const media = type ?? '*/*';
    if (!response.content[media]) return `its Content-Type is ${type}, not ${Object.keys(response.content).join(' or ')}`;
    if (!hasBody) return null;
    return bodyComplaint(description, `${pointer}/content/${escape(media)}/schema`, media, answer.text);
}

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
    const pointer = responses.get(String(answer.status));
    assert.ok(pointer, `${about}, which openapi/${description.name} does not have for it: ${answer.text.slice(0, 500)}`);
    const wrong = answerComplaint(description, pointer, answer, method !== 'HEAD');
    assert.ok(!wrong, `${about}, but not as openapi/${description.name} has it: ${wrong}\n${answer.text.slice(0, 500)}`);
    if (answer.status < 300 && operation) assertRequestDescribed(description, operation, query, content, about);
}

/* An answer of which it is not known what it was asked for: it must be some API's for that status. */
export function assertDescribedSomewhere(answer) {
    const complaints = [];
    for (const description of descriptions) {
        const operations = description.routes.flatMap(({ pattern, item }) =>
            METHODS.filter((method) => item[method]).map((method) => `#/paths/${escape(pattern)}/${method}/responses`),
        );
        for (const pointer of [...operations, '#/x-roster/otherwise']) {
            const found = statuses(description, pointer).get(String(answer.status));
            const wrong = found ? answerComplaint(description, found, answer) : 'no such status';
            if (!wrong) return;
            if (found) complaints.push(`${description.name} ${pointer}: ${wrong}`);
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
        const isList = parameter.schema.type === 'array'; // else the first counts
        const schema = `${pointer}/schema${isList ? '/items' : ''}`;
        for (const value of isList ? values : values.slice(0, 1)) {
            const wrong = complaint(description, schema, readText(description, schema, value));
            assert.ok(!wrong, `${about}, but openapi/${description.name} does not allow ${parameter.name}=${value}: ${wrong}`);
        }
    }
    const body = `${operation}/requestBody`;
    if (!follow(description.document, body)) return;
    const [media] = Object.keys(follow(description.document, body).content);
    const value = respell(description, JSON.parse(content), memberNames(description));
    const wrong = complaint(description, `${body}/content/${escape(media)}/schema`, value);
    assert.ok(
        !wrong,
        `${about}, but openapi/${description.name} does not describe that request: ${wrong}\n${String(content).slice(0, 500)}`,
    );
}
