/* fields_fixture.h — objects from lines and lines from objects, and a line of each noun with every member it can have. */
#ifndef ROSTER_TESTS_FIELDS_FIXTURE_H
#define ROSTER_TESTS_FIELDS_FIXTURE_H

#include "unit.h"

#include "model/fields.h"

#include <stdio.h>

/* An object with the defaults of its noun. */
static inline union object new_object(struct op *op, enum noun noun)
{
    union object object = { .any = arena_zalloc(&op->arena, noun_size(noun)) };
    fields_set_defaults(noun, object);
    return object;
}

static inline enum err read_into(struct op *op, enum noun noun, const char *line, union object object, field_set *ret_present)
{
    json_t *json;
    failure_clear(&op->failure);
    enum err e = json_parse(&op->failure, line, strlen(line), &json);
    if (e) return e;
    e = fields_read(op, noun, json, object, ret_present);
    json_decref(json);
    return e;
}

/* Reads a line that must be good. */
static inline union object read_line(struct op *op, enum noun noun, const char *line)
{
    field_set present;
    union object object = new_object(op, noun);
    if (read_into(op, noun, line, object, &present)) fail_msg("%s: %s", line, op->failure.text);
    return object;
}

static inline const char *write_line(struct op *op, enum noun noun, union object object)
{
    struct buf out = BUF_INIT(1 << 20);
    fields_write_line(&out, noun, object);
    const char *line = arena_strndup(&op->arena, buf_cstr(&out), out.size);
    buf_free(&out);
    return line;
}

static inline const char *write_set(struct op *op, enum noun noun, field_set set, union object object)
{
    struct buf out = BUF_INIT(1 << 20);
    fields_write_set(&out, noun, set, object);
    const char *text = arena_strndup(&op->arena, buf_cstr(&out), out.size);
    buf_free(&out);
    return text;
}

/* The bit of a member. */
static inline field_set bit(enum noun noun, const char *name)
{
    for (size_t i = 0; noun_fields(noun)[i].name; i++)
        if (strcmp(noun_fields(noun)[i].name, name) == 0) return (field_set)1 << i;
    fail_msg("no member %s", name);
    return 0;
}

#define UUID_1 "2ed2bfd5-f927-490b-b77a-a7e2f0685d4e"
#define UUID_2 "f9d56887-b64b-48a0-b085-cb4237eb6f9e"
#define HASH "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

/* Each as it is exported, with every member that can be. */
static const struct {
    enum noun noun;
    const char *line;
} full_lines[] = {
    { NOUN_ORGANIZATION,
      "{\"type\":\"organization\",\"id\":1,\"uuid\":\"" UUID_1 "\",\"name\":\"etcd-io\",\"uniqueGroupNames\":false}" },
    { NOUN_ACCOUNT, "{\"type\":\"account\",\"id\":9007199254740991,\"uuid\":\"" UUID_1
                    "\",\"firstName\":\"Fatima\",\"lastName\":\"\u00d8sterg\u00e5rd\","
                    "\"emailAddress\":\"f@example.org\"}" },
    { NOUN_USER,
      "{\"type\":\"user\",\"organizationId\":1,\"id\":2,\"uuid\":\"" UUID_1 "\",\"accountId\":3,\"userName\":\"fatima\","
      "\"displayName\":\"Fatima \u00d8\",\"firstName\":\"Fatima\",\"lastName\":\"\u00d8\",\"emailAddress\":\"f@example.org\","
      "\"emailAddressVerify\":true,\"emailAddressVerified\":true,\"phoneNumber\":\"+31201234567\",\"phoneNumberVerify\":true,"
      "\"phoneNumberVerified\":true,\"superUser\":true,\"active\":false,\"description\":\"two\\nlines\",\"remarks\":\"\","
      "\"externalId\":\"x-1\",\"autoRemoveAfter\":\"MONTH\",\"autoRemoveDate\":\"2027-01-01T00:00:00Z\","
      "\"dateCreated\":\"2026-03-10T09:32:07.03552Z\",\"dateModified\":\"2026-03-11T09:32:07Z\","
      "\"publicKey\":\"-----BEGIN PGP PUBLIC KEY BLOCK-----\\n\\nmDMEY7\\n=aX1w\\n\"}" },
    { NOUN_GROUP,
      "{\"type\":\"group\",\"organizationId\":1,\"id\":2,\"uuid\":\"" UUID_1 "\",\"name\":\"admins\",\"description\":\"all\","
      "\"remarks\":\"none\",\"externalId\":\"g-1\","
      "\"languages\":[{\"languageId\":2,\"readOnly\":true},{\"languageId\":1,\"readOnly\":false}],"
      "\"segments\":[{\"segmentUid\":\"" UUID_2 "\",\"readOnly\":false}],"
      "\"businessUnits\":[{\"businessUnitUid\":\"" UUID_1 "\",\"readOnly\":true}],"
      "\"dateCreated\":\"2026-03-10T09:32:07.03552Z\",\"dateModified\":\"2026-03-11T09:32:07Z\",\"createdBy\":\"ada\","
      "\"modifiedBy\":\"bob\"}" },
    { NOUN_MEMBERSHIP,
      "{\"type\":\"membership\",\"organizationId\":1,\"groupId\":2,\"userId\":3,\"uuid\":\"" UUID_1 "\",\"manager\":true,"
      "\"startsAt\":\"2026-01-01T00:00:00Z\",\"endsAt\":\"2027-01-01T00:00:00Z\",\"dateCreated\":\"2025-01-01T00:00:00Z\"}" },
    { NOUN_NESTING, "{\"type\":\"nesting\",\"organizationId\":1,\"groupId\":2,\"childGroupId\":3}" },
    { NOUN_CREDENTIAL,
      "{\"type\":\"credential\",\"organizationId\":1,\"uuid\":\"" UUID_1 "\",\"name\":\"ci\",\"userId\":2,\"kind\":\"api-key\","
      "\"keyId\":\"k\",\"secretHash\":\"" HASH "\",\"rights\":[\"read\",\"write\"],"
      "\"permits\":[\"get\",\"delete\"],\"expiresAt\":\"2027-01-01T00:00:00Z\"}" },
};

#endif
