/* A throw-away folder tree that stands for /proc or /sys/fs/cgroup. */
#ifndef GOV_TESTS_TREE_H
#define GOV_TESTS_TREE_H

#include "testing.h"

#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

struct tree {
    char root[64];
};

static inline void tree_init(struct tree *tree)
{
    snprintf(tree->root, sizeof tree->root, "/tmp/gov-test-XXXXXX");
    assert_non_null(mkdtemp(tree->root));
}

/* Writes a file, making the folders on the way. */
static inline void tree_write(const struct tree *tree, const char *path, const char *text)
{
    char full[1024];
    snprintf(full, sizeof full, "%s/%s", tree->root, path);
    for (char *p = full + strlen(tree->root) + 1; (p = strchr(p, '/')); *p++ = '/') {
        *p = 0;
        mkdir(full, 0755);
    }
    FILE *file = fopen(full, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* As a file of the kernel goes: who has it open reads nothing more. */
static inline void tree_remove(const struct tree *tree, const char *path)
{
    char full[1024];
    tree_write(tree, path, "");
    snprintf(full, sizeof full, "%s/%s", tree->root, path);
    assert_int_equal(remove(full), 0);
}

static inline int tree_remove_one(const char *path, const struct stat *info, int kind,
                                  struct FTW *at)
{
    (void)info;
    (void)kind;
    (void)at;
    return remove(path);
}

static inline void tree_done(struct tree *tree)
{
    nftw(tree->root, tree_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

#endif
