/* A file means what its lines mean one after the other: random files, imported whole into one database and line by line into
 * another, leave the same behind and complain of the same lines. Without --keep-going a file with such a line leaves nothing. So
 * it is if another process is faster now and then, and batches are done again line by line. */
#include "directory_fixture.h"

#include "dice.h"
#include "store/engine.h"

#include <stdio.h>

enum { FILES = 120, LINES_MAX = 14, FIRST_OF_OTHERS = 1000000 /* number of what others make */ };

struct outcome {
    enum err e;
    uint64_t bad_lines; /* bit n: line n, from 1 */
    int64_t last;       /* they are told in their order */
    char text[300];     /* of the last */
};

static void report(void *context, int64_t line, const char *text)
{
    struct outcome *outcome = context;
    assert_true(line > outcome->last);
    outcome->last = line;
    outcome->bad_lines |= UINT64_C(1) << line;
    snprintf(outcome->text, sizeof outcome->text, "%lld: %s", (long long)line, text);
}

static struct outcome import_text(struct world *w, const char *text, bool keep_going)
{
    struct outcome outcome = { 0 };
    AUTO_OP op = op_begin();
    op.caller.system = true;
    FILE *file = fmemopen((void *)text, strlen(text), "r");
    struct import_options options = { .keep_going = keep_going, .report = report, .context = &outcome };
    struct import_counts counts;
    outcome.e = directory_import(&op, w->other, file, &options, &counts);
    fclose(file);
    assert_true(outcome.e == ERR_OK || outcome.e == ERR_INVALID);
    assert_int_equal(counts.bad, __builtin_popcountll(outcome.bad_lines));
    return outcome;
}

/* --- a store whose commits are overtaken, a third of them --- */

static struct {
    const struct engine *real;
    struct engine engine;
    struct world *w;
    struct dice dice;
    int64_t next;
} overtaking;

static void overtake(struct fixture *f, int64_t organization_id, int64_t time)
{
    bool installation = organization_id == INSTALLATION;
    int64_t id = FIRST_OF_OTHERS + overtaking.next++;
    struct account account = { .id = id, .uuid = uuid_random() };
    struct user user = { .id = id, .uuid = uuid_random(), .organization_id = organization_id };
    struct change_list list = { 0 };
    struct commit theirs = { .organization_id = organization_id, .time = time, .changes = &list };
    append(f, &list, installation ? ACCOUNT_CREATED : USER_CREATED, NULL, installation ? (void *)&account : (void *)&user);
    failure_clear(&f->op.failure);
    enum err e = store_version(&f->op, f->store, organization_id, &theirs.expected_version);
    if (e == ERR_NOT_FOUND) return; /* not made yet */
    if (!e) e = store_commit(&f->op, f->store, &theirs);
    assert_done(f, e);
}

static enum err commit_overtaken(struct op *op, struct store *store, struct commit *commit)
{
    if (roll(&overtaking.dice, 3) == 0) overtake(overtaking.w->f, commit->organization_id, op->now);
    return overtaking.real->commit(op, store, commit);
}

static void begin_overtaking(struct world *w, uint32_t seed)
{
    overtaking.w = w;
    overtaking.dice = DICE(seed);
    overtaking.real = w->other->engine;
    overtaking.engine = *w->other->engine;
    overtaking.engine.commit = commit_overtaken;
    w->other->engine = &overtaking.engine;
}

static void end_overtaking(struct world *w)
{
    w->other->engine = overtaking.real;
}

/* --- files: few objects and few names, so that lines meet each other --- */

enum { USERS = 5, GROUPS = 5 };

/* The last of the users and groups has its number in another organization: that is found out when a batch is committed. */
static void take_last_numbers(struct world *w)
{
    const struct outcome outcome = import_text(w,
                                               "{\"type\":\"organization\",\"id\":90,\"name\":\"Other\"}\n"
                                               "{\"type\":\"user\",\"organizationId\":90,\"id\":104}\n"
                                               "{\"type\":\"group\",\"organizationId\":90,\"id\":204,\"name\":\"A\"}\n",
                                               false);
    assert_int_equal(outcome.e, ERR_OK);
}

/* Nothing deletes these, so their lines end by themselves. */
static void add_organization(struct buf *out, struct dice *dice, long long organization)
{
    buf_printf(out, "{\"type\":\"organization\",\"id\":%lld,\"name\":\"O%u\",\"uniqueGroupNames\":%s}\n", organization,
               roll(dice, 3), roll(dice, 3) ? "true" : "false");
}

/* One of two, of the file's own. */
static void add_credential(struct buf *out, struct dice *dice, long long organization, uint32_t file)
{
    buf_printf(out, "{\"type\":\"credential\",\"organizationId\":%lld,\"kind\":\"bearer\",\"rights\":[\"read\"]", organization);
    buf_printf(out, ",\"secret\":\"s%u-%u\"", file, roll(dice, 2));
    if (roll(dice, 2)) buf_printf(out, ",\"name\":\"N%u\"", roll(dice, 3));
    if (roll(dice, 4) == 0) buf_printf(out, ",\"userId\":%u", 100 + roll(dice, USERS));
    buf_add_text(out, "}\n");
}

static void add_line(struct buf *out, struct dice *dice, long long organization, uint32_t file)
{
    uint32_t sort = roll(dice, 12);
    if (sort == 0) {
        add_organization(out, dice, organization);
        return;
    }
    if (sort <= 2) {
        add_credential(out, dice, organization, file);
        return;
    }
    static const char *const names[] = { "A", "a", "B", "C" };
    int user = 100 + (int)roll(dice, USERS), group = 200 + (int)roll(dice, GROUPS), other = 200 + (int)roll(dice, GROUPS);
    bool deletes = roll(dice, 4) == 0;
    const char *ending = deletes ? ",\"delete\":true}\n" : "}\n";
    switch (roll(dice, 6)) {
    case 0:
        buf_printf(out, "{\"type\":\"user\",\"organizationId\":%lld,\"id\":%d", organization, user);
        if (roll(dice, 4) == 0) buf_printf(out, ",\"accountId\":%d", user - 30); /* of one: in use is what it is at the end */
        if (roll(dice, 2)) buf_printf(out, ",\"lastName\":\"L%u\"", roll(dice, 3));
        if (roll(dice, 2)) buf_printf(out, ",\"remarks\":\"R%u\"", roll(dice, 3));
        break;
    case 1:
    case 2:
        buf_printf(out, "{\"type\":\"group\",\"organizationId\":%lld,\"id\":%d,\"name\":\"%s\"", organization, group,
                   names[roll(dice, 4)]);
        if (roll(dice, 2)) buf_printf(out, ",\"description\":\"D%u\"", roll(dice, 3));
        break;
    case 3:
        buf_printf(out, "{\"type\":\"membership\",\"organizationId\":%lld,\"groupId\":%d,\"userId\":%d", organization, group,
                   user);
        if (roll(dice, 2)) buf_printf(out, ",\"manager\":%s", roll(dice, 2) ? "true" : "false");
        break;
    case 4:
        buf_printf(out, "{\"type\":\"account\",\"id\":%d", user - 30);
        if (roll(dice, 2)) buf_printf(out, ",\"lastName\":\"L%u\"", roll(dice, 3));
        break;
    default:
        buf_printf(out, "{\"type\":\"nesting\",\"organizationId\":%lld,\"groupId\":%d,\"childGroupId\":%d", organization, group,
                   other);
    }
    buf_add_text(out, ending);
}

/* --- what is stored, as text, without what is random --- */

static enum err tell_user(void *context, struct op *op, const struct user *user)
{
    (void)op;
    if (user->id >= FIRST_OF_OTHERS) return ERR_OK;
    buf_printf(context, "user %lld%s %s %s %lld\n", (long long)user->id, user->deleted_at ? " deleted" : "",
               user->last_name ? user->last_name : "-", user->remarks ? user->remarks : "-", (long long)user->account_id);
    return ERR_OK;
}

static enum err tell_group(void *context, struct op *op, const struct group *group)
{
    (void)op;
    buf_printf(context, "group %lld%s %s %s\n", (long long)group->id, group->deleted_at ? " deleted" : "", group->name,
               group->description ? group->description : "-");
    return ERR_OK;
}

static enum err tell_membership(void *context, struct op *op, const struct membership *membership)
{
    (void)op;
    buf_printf(context, "user %lld in group %lld%s\n", (long long)membership->user_id, (long long)membership->group_id,
               membership->manager ? " manages" : "");
    return ERR_OK;
}

static enum err tell_nesting(void *context, struct op *op, const struct nesting *nesting)
{
    (void)op;
    buf_printf(context, "group %lld in group %lld\n", (long long)nesting->child_group_id, (long long)nesting->group_id);
    return ERR_OK;
}

static enum err tell_account(void *context, struct op *op, const struct account *account)
{
    (void)op;
    if (account->id >= FIRST_OF_OTHERS) return ERR_OK;
    buf_printf(context, "account %lld %s\n", (long long)account->id, account->last_name ? account->last_name : "-");
    return ERR_OK;
}

static enum err tell_credential(void *context, struct op *op, const struct credential *credential)
{
    char hash[DIGEST_HEX_SIZE];
    (void)op;
    digest_format(hash, &credential->secret_hash);
    buf_printf(context, "credential %s %s %lld\n", hash, credential->name ? credential->name : "-",
               (long long)credential->user_id);
    return ERR_OK;
}

static enum err tell_organization(void *context, struct op *op, const struct organization *organization)
{
    (void)op;
    buf_printf(context, "organization %s%s\n", organization->name, organization->unique_group_names ? " unique" : "");
    return ERR_OK;
}

static void tell_all(struct world *w, struct buf *out)
{
    AUTO_OP op = op_begin();
    int64_t version;
    struct store_sink sink = { .context = out,
                               .organization = tell_organization,
                               .user = tell_user,
                               .group = tell_group,
                               .membership = tell_membership,
                               .nesting = tell_nesting,
                               .credential = tell_credential };
    struct store_sink accounts = { .context = out, .account = tell_account };
    buf_reset(out);
    assert_int_equal(store_load(&op, w->other, INSTALLATION, &accounts, NULL, &version), ERR_OK);
    enum err e = store_load(&op, w->other, w->organization_id, &sink, NULL, &version);
    assert_true(e == ERR_OK || e == ERR_NOT_FOUND); /* not made yet */
}

/* --- the whole --- */

/* The same file with spaces behind some lines: an importer that reads some bytes ahead then reads it in several pieces. */
static char *spread(const char *text, struct dice *dice)
{
    enum { SPACES = 600000 };
    char *bytes = malloc(strlen(text) + (LINES_MAX + 1) * (size_t)SPACES + 1), *to = bytes;
    assert_non_null(bytes);
    for (; *text; text++) {
        if (*text == '\n' && roll(dice, 3) == 0) {
            memset(to, ' ', SPACES);
            to += SPACES;
        }
        *to++ = *text;
    }
    *to = 0;
    return bytes;
}

static uint64_t import_line_by_line(struct world *w, const char *text)
{
    uint64_t bad_lines = 0;
    for (int number = 1; *text; number++) {
        const char *end = strchr(text, '\n') + 1;
        char line[256] = "";
        memcpy(line, text, (size_t)(end - text));
        if (import_text(w, line, false).e) bad_lines |= UINT64_C(1) << number;
        text = end;
    }
    return bad_lines;
}

static void compare_imports(struct world *whole, struct world *single, struct dice *dice, bool makes_organization, bool spreads)
{
    struct buf file = BUF_INIT(1 << 16), before = BUF_INIT(1 << 16), one = BUF_INIT(1 << 16), two = BUF_INIT(1 << 16);
    if (makes_organization)
        buf_printf(&file, "{\"type\":\"organization\",\"id\":%lld,\"name\":\"Made\"}\n", (long long)whole->organization_id);
    const uint32_t number = roll(dice, 1 << 30), count = 1 + roll(dice, LINES_MAX);
    for (uint32_t i = 0; i < count; i++) add_line(&file, dice, whole->organization_id, number);
    const char *text = buf_cstr(&file);
    tell_all(whole, &before);
    uint64_t expected = import_line_by_line(single, text);
    char *spread_text = spreads ? spread(text, dice) : NULL;
    const char *imported = spreads ? spread_text : text;
    struct outcome strict = import_text(whole, imported, false), kept = strict;
    if (strict.e) {
        tell_all(whole, &one);
        if (strcmp(buf_cstr(&before), buf_cstr(&one)) != 0)
            fail_msg("something of a bad file was kept (%s):\n%s", strict.text, text);
        kept = import_text(whole, imported, true);
    }
    /* Checking may miss a line that is bad only because of another one, but never all. */
    bool agree = kept.bad_lines == expected && (strict.bad_lines & ~expected) == 0 && (strict.bad_lines != 0) == (expected != 0);
    if (!agree)
        fail_msg("bad lines %llx, while checking %llx, one by one %llx (%s):\n%safter\n%s", (unsigned long long)kept.bad_lines,
                 (unsigned long long)strict.bad_lines, (unsigned long long)expected, kept.text, text, buf_cstr(&before));
    tell_all(whole, &one);
    tell_all(single, &two);
    if (strcmp(buf_cstr(&one), buf_cstr(&two)) != 0)
        fail_msg("after the file\n%sthere is\n%sline by line\n%s", text, buf_cstr(&one), buf_cstr(&two));
    free(spread_text);
    buf_free(&file);
    buf_free(&before);
    buf_free(&one);
    buf_free(&two);
}

static void a_file_means_what_its_lines_mean(void **state)
{
    struct world *whole = *state;
    void *second;
    set_up_world(&second);
    struct world *single = second;
    struct dice dice = DICE(11);
    take_last_numbers(whole);
    take_last_numbers(single);
    for (int i = 0; i < FILES; i++) {
        bool overtaken = i % 2;
        if (overtaken) begin_overtaking(whole, (uint32_t)i);
        compare_imports(whole, single, &dice, false, i % 8 == 0);
        if (overtaken) end_overtaking(whole);
    }
    assert_sound(whole);
    tear_down_world(&second);
}

static void a_file_that_makes_its_organization_means_what_its_lines_mean(void **state)
{
    (void)state;
    for (uint32_t seed = 0; seed < 12; seed++) {
        void *first, *second;
        set_up_world(&first);
        set_up_world(&second);
        struct world *whole = first, *single = second;
        struct dice dice = DICE(100 + seed);
        take_last_numbers(whole);
        take_last_numbers(single);
        whole->organization_id = single->organization_id = 50;
        begin_overtaking(whole, seed);
        compare_imports(whole, single, &dice, true, false);
        end_overtaking(whole);
        compare_imports(whole, single, &dice, false, seed % 4 == 0);
        tear_down_world(&first);
        tear_down_world(&second);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(a_file_means_what_its_lines_mean),
        cmocka_unit_test(a_file_that_makes_its_organization_means_what_its_lines_mean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
