#include "base/clock.h"
#include "cmd/command.h"

#include "base/fold.h"
#include "base/json.h"

#include <string.h>

// clang-format off
const struct setting token_options[] = {
    { "organization", SETTING_NUMBER, offsetof(struct token_flags, organization), NULL,     1, NUMBER_MAX, NULL, AT_START, "ID", "create: the organization the credential belongs to, needed; list: only that one's (default: of all)" },
    { "user",         SETTING_NUMBER, offsetof(struct token_flags, user),         NULL,     1, NUMBER_MAX, NULL, AT_START, "ID", "create: the user it acts for (default: none; it is a service key, which is an administrator)" },
    { "kind",         SETTING_CHOICE, offsetof(struct token_flags, kind),         "bearer", 0, 0, "bearer|api-key|key|personal-key", AT_START, NULL, "create: the form it is sent in" },
    { "rights",       SETTING_TEXT,   offsetof(struct token_flags, rights),       NULL,     0, 0, NULL, AT_START, "LIST", "create: read or read,write (default: read, or what --permit needs)" },
    { "permit",       SETTING_TEXT,   offsetof(struct token_flags, permit),       NULL,     0, 0, NULL, AT_START, "LIST", "create: only these operations: list,get,create,update,delete (default: all that the rights allow)" },
    { "expires",      SETTING_TEXT,   offsetof(struct token_flags, expires),      NULL,     0, 0, NULL, AT_START, "TIME", "create: when it stops working: 90d, 12h, or a date (2027-01-31T00:00:00Z)" },
    { "name",         SETTING_TEXT,   offsetof(struct token_flags, name),         NULL,     0, 255, NULL, AT_START, "TEXT", "create: what it is for" },
    { "json",         SETTING_FLAG,   offsetof(struct token_flags, json),         "false",  0, 0, NULL, AT_START, NULL, "list: one JSON object a line" },
    { 0 },
};
// clang-format on

static const char *const kind_words[] = { "bearer", "api-key", "key", "personal-key" };

/* --- create --- */

static enum err check_user(struct op *op, struct store *store, const struct credential *values)
{
    bool found = true;
    union object user;
    if (!values->user_id) return ERR_OK;
    enum err e = store_find(op, store, NOUN_USER, values->organization_id, values->user_id, 0, &found, &user);
    if (!e && (!found || user.user->deleted_at))
        e = op_fail(op, ERR_NOT_FOUND, "user", "there is no user %lld in organization %lld", (long long)values->user_id,
                    (long long)values->organization_id);
    return e;
}

/* Commits one change of a credential; nothing else of the organization matters to it. */
static enum err commit_credential(struct op *op, struct store *store, int64_t organization_id, enum change_kind kind,
                                  union object before, union object after)
{
    struct change_list changes = { 0 };
    if (!change_add(&op->arena, &changes, kind, before, after)) return ERR_OK;
    struct commit commit = {
        .organization_id = organization_id, .expected_version = COMMIT_ANY_VERSION, .time = op->now, .changes = &changes
    };
    return store_commit(op, store, &commit);
}

enum err command_create_token(struct op *op, struct store *store, struct credential *values)
{
    enum err e = check_user(op, store, values);
    if (e) return e;
    values->uuid = uuid_random();
    values->date_created = op->now;
    credential_make_secret(&op->arena, values);
    return commit_credential(op, store, values->organization_id, CREDENTIAL_CREATED, (union object){ 0 },
                             (union object){ .credential = values });
}

enum { PERMIT_COUNT = 5 };
static const char *const permit_words[PERMIT_COUNT] = { "list", "get", "create", "update", "delete" };

static enum err read_permits(struct op *op, const char *text, unsigned *ret_permits)
{
    while (text) {
        size_t size = strcspn(text, ",");
        int word = 0;
        while (word < PERMIT_COUNT && (strlen(permit_words[word]) != size || memcmp(permit_words[word], text, size) != 0)) word++;
        if (word == PERMIT_COUNT)
            return op_fail(op, ERR_INVALID, "permit", "--permit must be some of list,get,create,update,delete, not \"%.*s\"",
                           size < 40 ? (int)size : 40, text);
        *ret_permits |= 1U << word;
        text = text[size] ? text + size + 1 : NULL;
    }
    return ERR_OK;
}

static enum err read_rights(struct op *op, const char *text, unsigned permits, unsigned *ret_rights)
{
    const unsigned writing = (RIGHT_CREATE | RIGHT_UPDATE | RIGHT_DELETE) >> RIGHT_PERMITS_SHIFT;
    if (!text) *ret_rights = permits & writing ? RIGHT_READ | RIGHT_WRITE : RIGHT_READ;
    else if (strcmp(text, "read") == 0 && permits & writing)
        return op_fail(op, ERR_INVALID, "rights", "--rights read does not allow what --permit names: it needs read,write");
    else if (strcmp(text, "read") == 0) *ret_rights = RIGHT_READ;
    else if (strcmp(text, "read,write") == 0 || strcmp(text, "write,read") == 0) *ret_rights = RIGHT_READ | RIGHT_WRITE;
    else return op_fail(op, ERR_INVALID, "rights", "--rights must be read or read,write, not \"%.40s\"", text);
    return ERR_OK;
}

static enum err read_expiry(struct op *op, const char *text, int64_t *ret_expires_at)
{
    int64_t duration;
    if (!text) return ERR_OK;
    if (clock_parse_duration(text, &duration)) *ret_expires_at = op->now + duration;
    else if (!clock_parse(text, strlen(text), ret_expires_at))
        return op_fail(op, ERR_INVALID, "expires", "--expires must be like 90d, 12h or 2027-01-31T00:00:00Z, not \"%.40s\"",
                       text);
    else if (*ret_expires_at <= op->now) return op_fail(op, ERR_INVALID, "expires", "--expires is in the past");
    return ERR_OK;
}

static enum err check_name(struct op *op, const char *name)
{
    bool plain = utf8_is_valid(name, strlen(name));
    for (const char *at = name; *at; at++) plain &= (unsigned char)*at >= ' ' && *at != 127;
    return plain ? ERR_OK : op_fail(op, ERR_INVALID, "name", "--name must be UTF-8 without control characters");
}

static int create(struct op *op, struct store *store, const struct token_flags *flags)
{
    struct credential values = {
        .organization_id = flags->organization, .user_id = flags->user, .kind = flags->kind, .name = flags->name
    };
    if (!flags->organization) return command_fail(EXIT_USAGE, "token create needs --organization ID");
    if (flags->name && check_name(op, flags->name)) return command_fail(EXIT_USAGE, "%s", op->failure.text);
    if (read_permits(op, flags->permit, &values.permits) || read_rights(op, flags->rights, values.permits, &values.rights) ||
        read_expiry(op, flags->expires, &values.expires_at))
        return command_fail(EXIT_USAGE, "%s", op->failure.text);
    if (command_create_token(op, store, &values)) return command_fail_op(op);
    char uuid[UUID_TEXT_SIZE];
    uuid_format(uuid, &values.uuid);
    printf("id %lld\nuuid %s\n", (long long)values.id, uuid);
    if (values.key_id) printf("key-id %s\n", values.key_id);
    printf("secret %s\n", values.secret);
    return EXIT_DONE;
}

/* --- list --- */

struct listing {
    const struct token_flags *flags;
    struct buf line;
};

static const char *state_of(const struct credential *credential, int64_t now)
{
    if (credential->revoked_at) return "revoked";
    return credential->expires_at && credential->expires_at <= now ? "expired" : "active";
}

/* The words with commas between them, each in `quote`. */
static void add_permits(struct buf *out, unsigned permits, const char *quote)
{
    for (int word = 0; word < PERMIT_COUNT; word++) {
        if (!(permits >> word & 1)) continue;
        buf_printf(out, "%s%s%s%s", permits & ((1U << word) - 1) ? "," : "", quote, permit_words[word], quote);
    }
}

static void print_json(struct buf *out, const struct credential *credential, const char *state)
{
    const struct {
        const char *name;
        int64_t time;
    } times[] = { { "created", credential->date_created },
                  { "expires", credential->expires_at },
                  { "lastUsed", credential->last_used_at } };
    buf_reset(out);
    buf_printf(out, "{\"id\":%lld,\"organizationId\":%lld", (long long)credential->id, (long long)credential->organization_id);
    if (credential->user_id) buf_printf(out, ",\"userId\":%lld", (long long)credential->user_id);
    buf_printf(out, ",\"kind\":\"%s\",\"rights\":[\"read\"%s]", kind_words[credential->kind],
               credential->rights & RIGHT_WRITE ? ",\"write\"" : "");
    if (credential->permits) {
        buf_add_literal(out, ",\"permits\":[");
        add_permits(out, credential->permits, "\"");
        buf_add_char(out, ']');
    }
    if (credential->name) {
        buf_add_literal(out, ",\"name\":");
        json_add_string(out, credential->name);
    }
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        if (!times[i].time) continue;
        buf_printf(out, ",\"%s\":", times[i].name);
        clock_add_json(out, times[i].time);
    }
    buf_printf(out, ",\"state\":\"%s\"}", state);
    puts(buf_cstr(out));
}

static void print_row(struct buf *rights, const struct credential *credential, const char *state)
{
    char created[CLOCK_TEXT_SIZE] = "-", expires[CLOCK_TEXT_SIZE] = "-", used[CLOCK_TEXT_SIZE] = "never", user[24] = "-";
    if (credential->date_created) clock_format(created, credential->date_created / 1000000 * 1000000);
    if (credential->expires_at) clock_format(expires, credential->expires_at / 1000000 * 1000000);
    if (credential->last_used_at) clock_format(used, credential->last_used_at / 1000000 * 1000000);
    if (credential->user_id) snprintf(user, sizeof user, "%lld", (long long)credential->user_id);
    buf_reset(rights);
    if (credential->permits) add_permits(rights, credential->permits, "");
    else buf_add_text(rights, credential->rights & RIGHT_WRITE ? "read,write" : "read");
    printf("%-8lld %-12lld %-10s %-12s %-29s %-8s %-20s %-20s %-20s %s\n", (long long)credential->id,
           (long long)credential->organization_id, user, kind_words[credential->kind], buf_cstr(rights), state, created, expires,
           used, credential->name ? credential->name : "");
}

static enum err list_one(void *context, struct op *op, const struct credential *credential)
{
    struct listing *listing = context;
    if (listing->flags->organization && listing->flags->organization != credential->organization_id) return ERR_OK;
    const char *state = state_of(credential, op->now);
    if (listing->flags->json) print_json(&listing->line, credential, state);
    else print_row(&listing->line, credential, state);
    return ERR_OK;
}

static int list(struct op *op, struct store *store, const struct token_flags *flags)
{
    struct listing listing = { .flags = flags, .line = BUF_INIT(1 << 20) };
    struct store_sink sink = { .context = &listing, .credential = list_one };
    int64_t cursor;
    if (!flags->json)
        printf("%-8s %-12s %-10s %-12s %-29s %-8s %-20s %-20s %-20s %s\n", "id", "organization", "user", "kind", "rights",
               "state", "created", "expires", "last used", "name");
    enum err e = store_load_credentials(op, store, &sink, &cursor);
    buf_free(&listing.line);
    return e ? command_fail_op(op) : EXIT_DONE;
}

/* --- revoke --- */

struct finding {
    int64_t id;
    struct uuid uuid;
    union object found;
};

static enum err find_one(void *context, struct op *op, const struct credential *credential)
{
    struct finding *finding = context;
    if (credential->id == finding->id || uuid_equal(&credential->uuid, &finding->uuid))
        finding->found = object_copy(&op->arena, NOUN_CREDENTIAL, (union object){ .any = credential });
    return ERR_OK;
}

static int revoke(struct op *op, struct store *store, const char *word)
{
    if (!word) return command_fail(EXIT_USAGE, "token revoke needs the credential's id or uuid");
    struct finding finding = { .id = -1 };
    char *end;
    if (!uuid_parse(word, strlen(word), &finding.uuid)) {
        finding.id = strtoll(word, &end, 10);
        if (*end || finding.id < 1) return command_fail(EXIT_USAGE, "\"%.40s\" is no credential's id or uuid", word);
    }
    struct store_sink sink = { .context = &finding, .credential = find_one };
    int64_t cursor;
    if (store_load_credentials(op, store, &sink, &cursor)) return command_fail_op(op);
    if (!finding.found.any) return command_fail(EXIT_BAD, "there is no credential %s", word);
    if (finding.found.credential->revoked_at) {
        printf("credential %s was revoked before\n", word);
        return EXIT_DONE;
    }
    union object after = object_copy(&op->arena, NOUN_CREDENTIAL, finding.found);
    after.credential->revoked_at = op->now;
    if (commit_credential(op, store, after.credential->organization_id, CREDENTIAL_REVOKED, finding.found, after))
        return command_fail_op(op);
    printf("credential %lld is revoked\n", (long long)after.credential->id);
    return EXIT_DONE;
}

int command_token(struct command_line *line)
{
    const struct token_flags *flags = line->options;
    const char *action = line->words[0];
    bool creates = strcmp(action, "create") == 0, lists = strcmp(action, "list") == 0, revokes = strcmp(action, "revoke") == 0;
    if (!creates && !lists && !revokes)
        return command_fail(EXIT_USAGE, "token can create, list and revoke, not \"%.40s\"", action);
    if (!revokes && line->word_count > 1) return command_fail(EXIT_USAGE, "token %s takes no further word", action);
    AUTO_OP op = op_begin();
    op.caller.system = true;
    struct store *store;
    if (command_open_store(&op, line, STORE_LOOK, &store)) return command_fail_op(&op);
    int code = creates ? create(&op, store, flags)
               : lists ? list(&op, store, flags)
                       : revoke(&op, store, line->word_count > 1 ? line->words[1] : NULL);
    store_close(store);
    return code;
}
