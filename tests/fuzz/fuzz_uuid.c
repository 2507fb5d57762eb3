/* UUIDs and digests in hexadecimal: what is accepted is written in lower case and accepted again. */
#include "fuzz.h"

#include "base/digest.h"
#include "base/uuid.h"

#include <strings.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct uuid uuid, again;
    char text[UUID_TEXT_SIZE], hex[DIGEST_HEX_SIZE];
    if (uuid_parse((const char *)data, size, &uuid)) {
        promise(size == UUID_TEXT_SIZE - 1 && !uuid_is_nil(&uuid));
        uuid_format(text, &uuid);
        promise(strncasecmp(text, (const char *)data, size) == 0);
        promise(uuid_parse(text, size, &again) && uuid_equal(&uuid, &again));
    }
    struct digest digest, same;
    if (digest_parse((const char *)data, size, &digest)) {
        promise(size == DIGEST_HEX_SIZE - 1);
        digest_format(hex, &digest);
        promise(strncasecmp(hex, (const char *)data, size) == 0);
        promise(digest_parse(hex, size, &same) && digest_equal(&digest, &same));
    }
    return 0;
}
