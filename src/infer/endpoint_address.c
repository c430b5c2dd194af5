/* By hand and strict: what is not plainly an address of ours is refused, so no two readers of a URL
 * can take it for two different hosts. */
#include "infer/endpoint_address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"

enum { MAX_URL = 2000, MAX_KEY = 4096 };

static int refuse(struct md_failure *failure, const char *why)
{
    /* Not the URL itself: it may hold a password. */
    return md_fail(failure, MD_ERR_INPUT,
                   "the address of the language model %s; such as http://127.0.0.1:11434/v1 is "
                   "wanted",
                   why);
}

/* Of "[::1]:80" or "host:80", without the port. */
static size_t host_length(const char *host, size_t n)
{
    bool bracket = n > 0 && *host == '[';
    const char *end = memchr(host, bracket ? ']' : ':', n);
    if (!end)
        return bracket ? 0 : n;
    return (size_t)(end - host) + bracket;
}

static bool is_local(const char *host, size_t n)
{
    char name[64];
    struct in_addr v4;
    n = host_length(host, n);
    if (n == 0 || n >= sizeof name)
        return false;
    memcpy(name, host, n);
    name[n] = '\0';
    if (strcasecmp(name, "localhost") == 0 || strcmp(name, "[::1]") == 0)
        return true;
    return inet_pton(AF_INET, name, &v4) == 1 && ntohl(v4.s_addr) >> 24 == 127;
}

static bool is_port(const char *text, size_t n)
{
    int port = 0;
    if (n == 0)
        return true;
    if (*text != ':' || n < 2 || n > 6)
        return false;
    for (size_t i = 1; i < n; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        port = port * 10 + (text[i] - '0');
    }
    return port >= 1 && port <= 65535;
}

static const char *find_fault(const char *url, const char *host, size_t host_n)
{
    for (const char *p = url; *p; p++)
        if (*p <= ' ' || *p >= 0x7f || strchr("\\\"<>^`{|}", *p))
            return "holds bytes that no URL has";
    if (strlen(url) > MAX_URL)
        return "is too long";
    if (memchr(host, '@', host_n))
        return "must not hold a user or password (the key comes from MOVIEDIGEST_LLM_KEY or "
               "--llm-key-file)";
    if (strpbrk(host, "?#"))
        return "must not hold a query";
    size_t name = host_length(host, host_n);
    if (name == 0 || !is_port(host + name, host_n - name))
        return "has no host, or a port that cannot be";
    return NULL;
}

int md_endpoint_address_parse(const char *url, struct md_endpoint_address *ret_address,
                              struct md_failure *failure)
{
    static const char http[] = "http://", https[] = "https://", version[] = "/v1";
    bool secure = strncasecmp(url, https, sizeof https - 1) == 0;
    if (!secure && strncasecmp(url, http, sizeof http - 1) != 0)
        return refuse(failure, "begins with neither http:// nor https://");
    const char *host = strchr(url, '/') + 2;
    size_t host_n = strcspn(host, "/?#");
    const char *fault = find_fault(url, host, host_n);
    if (fault)
        return refuse(failure, fault);
    size_t n = strlen(url), head = (size_t)(host - url) + host_n;
    while (n > head && url[n - 1] == '/')
        n--;
    md_autostr base = {0};
    md_autostr root = {0};
    md_str_append_n(&base, url, n);
    if (n == head)
        md_str_append(&base, version);
    bool versioned = base.n >= 3 && strcmp(base.s + base.n - 3, version) == 0;
    md_str_append_n(&root, md_str_text(&base), base.n - (versioned ? 3 : 0));
    struct md_endpoint_address address = {.base = md_str_take(&base),
                                          .root = md_str_take(&root),
                                          .secure = secure,
                                          .local = is_local(host, host_n)};
    if (!address.base || !address.root) {
        md_endpoint_address_done(&address);
        return md_fail(failure, MD_ERR_NOMEM, "out of memory");
    }
    *ret_address = address;
    return MD_OK;
}

void md_endpoint_address_done(struct md_endpoint_address *address)
{
    free(address->base);
    free(address->root);
    *address = (struct md_endpoint_address){0};
}

int md_endpoint_key_check(char *key, const char *where, struct md_failure *failure)
{
    size_t n = strlen(key);
    while (n > 0 && (key[n - 1] == '\n' || key[n - 1] == '\r'))
        key[--n] = '\0';
    if (n == 0 || n > MAX_KEY)
        return md_fail(failure, MD_ERR_INPUT, "%s holds no key, or one that is too long", where);
    for (size_t i = 0; i < n; i++)
        if (key[i] <= ' ' || key[i] >= 0x7f)
            return md_fail(failure, MD_ERR_INPUT,
                           "the key in %s has spaces or bytes that no key has; it must be alone "
                           "there",
                           where);
    return MD_OK;
}

static int read_all(int fd, const char *path, char *key, struct md_failure *failure)
{
    size_t n = 0;
    while (n < MAX_KEY + 2) {
        ssize_t r = read(fd, key + n, MAX_KEY + 2 - n);
        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0)
            return md_fail_errno(failure, errno, "cannot read the key in %s", path);
        if (r == 0)
            break;
        n += (size_t)r;
    }
    key[n] = '\0';
    return md_endpoint_key_check(key, path, failure);
}

int md_endpoint_key_read(const char *path, char **ret_key, struct md_failure *failure)
{
    struct stat st;
    md_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st) < 0)
        return md_fail_errno(failure, errno, "cannot read the key in %s", path);
    if (!S_ISREG(st.st_mode))
        return md_fail(failure, MD_ERR_INPUT, "the key in %s: it is not a file", path);
    if (st.st_uid == getuid() && (st.st_mode & 077) != 0)
        return md_fail(failure, MD_ERR_INPUT,
                       "others may read the key in %s (mode %04o); chmod 600 it, and think about "
                       "a new key",
                       path, (unsigned)(st.st_mode & 07777));
    char *key = calloc(1, MAX_KEY + 3);
    if (!key)
        return md_fail(failure, MD_ERR_NOMEM, "out of memory");
    int r = read_all(fd, path, key, failure);
    if (r < 0)
        md_endpoint_key_free(key);
    else
        *ret_key = key;
    return r;
}

void md_endpoint_key_free(char *key)
{
    if (key)
        explicit_bzero(key, strlen(key));
    free(key);
}
