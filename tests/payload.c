/* The only program of the tests' images, static: does what its arguments say, one after the other, and exits with 0. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const char* value = i + 1 < argc ? argv[i + 1] : "";
    if (!strcmp(argv[i], "say")) puts(value), fflush(stdout), ++i;
    if (!strcmp(argv[i], "complain")) fprintf(stderr, "%s\n", value), ++i;
    if (!strcmp(argv[i], "fill")) for (long n = atol(value); n > 0; --n) putchar('x');
    if (!strcmp(argv[i], "copy")) for (int c; (c = getchar()) != EOF;) putchar(c);
    if (!strcmp(argv[i], "env")) puts(getenv(value) ? getenv(value) : "(unset)"), ++i;
    if (!strcmp(argv[i], "ids")) printf("%d %d\n", (int)getuid(), (int)getgid());
    if (!strcmp(argv[i], "show")) {
      FILE* file = fopen(value, "r");
      for (int c; file && (c = getc(file)) != EOF;) putchar(c);
      if (!file) puts("(absent)");
    }
    if (!strcmp(argv[i], "write")) puts(fopen(value, "w") ? "written" : "refused");
    if (!strcmp(argv[i], "listen")) signal(SIGTERM, _exit); /* without it SIGTERM does nothing to the first process */
    if (!strcmp(argv[i], "wait")) fflush(stdout), pause();
    if (!strcmp(argv[i], "exit")) return atoi(value);
  }
  return 0;
}
