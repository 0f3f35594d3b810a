/* The container that tests of copies serve with, static: started as `serve_payload serve`, it answers HTTP on port 8080 as the
 * container contract asks, and tells what it sees from inside.
 *
 *   GET /ping                    200, or 503 while FAIL_PING seconds have not passed, or never with PING=never
 *   POST /invocations            200 with its host's name and the request's body
 *                                a body "chunks COUNT" gets that many chunks, a tenth of a second apart, and "cut COUNT" no end of
 *                                them; "sleep MS" is answered after so long, without keeping others; "status CODE" that status,
 *                                "read PATH" a file's bytes; one that begins with "GET " is answered as that request is, so that
 *                                whoever reaches the container through a router can ask too
 *   GET /metrics                 what it counted, for Prometheus; with METRICS=TEXT that text instead
 *   GET /say?WORD                writes WORD to its log
 *   GET /env?NAME, /file?PATH    a variable, a file's first bytes
 *   GET /connect?ADDRESS:PORT    "open", or the error of a TCP connection within half a second; of several, joined by "," as they are
 *   GET /device?PATH             "usable", or the error of an open
 *   GET /make?PATH,MAJOR,MINOR   the same of a node that it makes itself
 *   GET /send?FROM,ADDRESS,WORD  sends a UDP packet to port 9999 that claims to come from FROM
 *   GET /exit?CODE               ends
 * CRASH=CODE ends it at its start after a line of output. SIGTERM ends it with a line; DEAF=1 ignores it. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

static void on_term(int signal) {
  (void)signal;
  static const char kLine[] = "stopped by SIGTERM\n";
  if (write(1, kLine, sizeof kLine - 1) < 0) _exit(1);
  _exit(0);
}

static const char* connect_to(char* target) {
  char* colon = strchr(target, ':');
  if (!colon) return "usage";
  *colon = 0;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(colon + 1))};
  if (inet_pton(AF_INET, target, &address.sin_addr) != 1) return "usage";
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  const char* told = "open";
  if (connect(fd, (struct sockaddr*)&address, sizeof address) != 0 && errno != EINPROGRESS) {
    told = strerror(errno);
  } else {
    struct pollfd waiting = {.fd = fd, .events = POLLOUT};
    int error = 0;
    socklen_t size = sizeof error;
    if (poll(&waiting, 1, 500) != 1) told = "no answer";
    else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error != 0) told = strerror(error);
  }
  close(fd);
  return told;
}

static const char* try_device(const char* path) {
  int fd = open(path, O_RDWR);
  if (fd < 0) return strerror(errno);
  close(fd);
  return "usable";
}

static const char* make_device(char* words) {
  const char* path = strtok(words, ",");
  const char* major_number = strtok(NULL, ",");
  const char* minor_number = strtok(NULL, ",");
  if (!path || !major_number || !minor_number) return "usage";
  unlink(path);
  if (mknod(path, S_IFCHR | 0666, makedev((unsigned)atoi(major_number), (unsigned)atoi(minor_number))) != 0) return strerror(errno);
  return try_device(path);
}

static const char* send_as(char* words) {
  const char* from = strtok(words, ",");
  const char* to = strtok(NULL, ",");
  const char* word = strtok(NULL, ",");
  struct {
    struct iphdr ip;
    struct udphdr udp;
    char data[32];
  } packet = {0};
  struct sockaddr_in address = {.sin_family = AF_INET};
  if (!from || !to || !word || strlen(word) > sizeof packet.data || inet_pton(AF_INET, to, &address.sin_addr) != 1) return "usage";
  size_t size = sizeof packet.ip + sizeof packet.udp + strlen(word);
  packet.ip = (struct iphdr){.version = 4, .ihl = 5, .ttl = 9, .protocol = IPPROTO_UDP, .saddr = inet_addr(from),
                             .daddr = address.sin_addr.s_addr, .tot_len = htons((unsigned short)size)};
  packet.udp = (struct udphdr){.source = htons(1234), .dest = htons(9999), .len = htons((unsigned short)(size - sizeof packet.ip))};
  memcpy(packet.data, word, strlen(word));
  int fd = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
  const char* told = sendto(fd, &packet, size, 0, (struct sockaddr*)&address, sizeof address) < 0 ? strerror(errno) : "sent";
  close(fd);
  return told;
}

static void answer(int fd, int status, const char* body) {
  char head[128];
  int n = snprintf(head, sizeof head, "HTTP/1.1 %d X\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n", status, strlen(body));
  if (write(fd, head, (size_t)n) != n || write(fd, body, strlen(body)) < 0) perror("answer");
}

static char out[66000];

static void answer_chunks(int fd, int count, int whole) {
  static const char kHead[] = "HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\nContent-Type: text/x-parts\r\nConnection: close\r\n\r\n";
  if (write(fd, kHead, sizeof kHead - 1) < 0) return;
  for (int i = 0; i < count; ++i) {
    char text[32], chunk[64];
    int size = snprintf(text, sizeof text, "part %d;", i);
    int n = snprintf(chunk, sizeof chunk, "%x\r\n%s\r\n", (unsigned)size, text);
    if (write(fd, chunk, (size_t)n) < 0) return;
    nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
  }
  if (whole && write(fd, "0\r\n\r\n", 5) < 0) perror("chunks");
}

static void answer_file(int fd, const char* path) {
  static char part[65536];
  struct stat stat;
  int file = open(path, O_RDONLY);
  if (file < 0 || fstat(file, &stat) != 0) return answer(fd, 404, strerror(errno));
  int n = snprintf(part, sizeof part, "HTTP/1.1 200 X\r\nContent-Length: %lld\r\nConnection: close\r\n\r\n", (long long)stat.st_size);
  ssize_t got = n;
  do {
    if (write(fd, part, (size_t)got) != got) break;
  } while ((got = read(file, part, sizeof part)) > 0);
  close(file);
}

static int invocations;

static void answer_metrics(int fd) {
  const char* text = getenv("METRICS");
  if (text) return answer(fd, 200, text);
  snprintf(out, sizeof out,
           "# HELP payload_invocations_total Invocations.\n# TYPE payload_invocations_total counter\n"
           "payload_invocations_total{kind=\"any\"} %d\n# TYPE payload_up gauge\npayload_up 1\n",
           invocations);
  answer(fd, 200, out);
}

static void answer_invocation(int fd, const char* body) {
  int number = 0;
  char name[65] = "";
  gethostname(name, sizeof name - 1);
  printf("invocation\n");
  ++invocations;
  if (sscanf(body, "chunks %d", &number) == 1) return answer_chunks(fd, number, 1);
  if (sscanf(body, "cut %d", &number) == 1) return answer_chunks(fd, number, 0);
  if (sscanf(body, "sleep %d", &number) == 1) {
    if (fork() != 0) return;
    nanosleep(&(struct timespec){.tv_sec = number / 1000, .tv_nsec = number % 1000 * 1000000L}, NULL);
    answer(fd, 200, name);
    _exit(0);
  }
  if (sscanf(body, "status %d", &number) == 1) return answer(fd, number, "as asked");
  if (!strncmp(body, "read ", 5)) return answer_file(fd, body + 5);
  snprintf(out, sizeof out, "%s %s", name, body);
  answer(fd, 200, out);
}

static void serve_question(int fd, const char* path, char* query) {
  if (!query) {
    answer(fd, 404, "unknown");
  } else if (!strcmp(path, "/env")) {
    answer(fd, 200, getenv(query) ? getenv(query) : "(unset)");
  } else if (!strcmp(path, "/file")) {
    FILE* file = fopen(query, "r");
    size_t n = file ? fread(out, 1, 4000, file) : 0;
    out[n] = 0;
    answer(fd, file ? 200 : 404, file ? out : strerror(errno));
    if (file) fclose(file);
  } else if (!strcmp(path, "/say")) {
    printf("%s\n", query);
    answer(fd, 200, "said");
  } else if (!strcmp(path, "/write")) {
    int made = open(query, O_WRONLY | O_CREAT, 0600);
    answer(fd, 200, made >= 0 ? "written" : strerror(errno));
    if (made >= 0) close(made);
  } else if (!strcmp(path, "/connect")) {
    size_t size = 0;
    for (char* target = strtok(query, ","); target; target = strtok(NULL, ","))
      size += (size_t)snprintf(out + size, sizeof out - size, "%s%s", size ? "," : "", connect_to(target));
    answer(fd, 200, size ? out : "usage");
  } else if (!strcmp(path, "/device")) {
    answer(fd, 200, try_device(query));
  } else if (!strcmp(path, "/make")) {
    answer(fd, 200, make_device(query));
  } else if (!strcmp(path, "/send")) {
    answer(fd, 200, send_as(query));
  } else if (!strcmp(path, "/exit")) {
    answer(fd, 200, "");
    exit(atoi(query));
  }
}

/* Cuts "PATH?QUERY"; NULL without a query. */
static char* cut_query(char* path) {
  char* query = strchr(path, '?');
  if (query) *query++ = 0;
  return query;
}

static void serve(int fd, time_t started) {
  static char request[65536];
  size_t size = 0;
  char* body = NULL;
  while (size < sizeof request - 1) {
    ssize_t n = read(fd, request + size, sizeof request - 1 - size);
    if (n <= 0) return;
    size += (size_t)n;
    request[size] = 0;
    body = strstr(request, "\r\n\r\n");
    if (!body) continue;
    body += 4;
    const char* length = strcasestr(request, "\r\ncontent-length:");
    if (!length || size - (size_t)(body - request) >= (size_t)atol(length + 17)) break;
  }
  char path[256] = "", method[16] = "";
  if (sscanf(request, "%15s %255s", method, path) != 2) return;
  char* query = cut_query(path);
  const char* fail_ping = getenv("FAIL_PING");
  const char* ping = getenv("PING");
  if (!strcmp(path, "/ping")) {
    int late = (fail_ping && time(NULL) - started < atol(fail_ping)) || (ping && !strcmp(ping, "never"));
    answer(fd, late ? 503 : 200, "");
  } else if (!strcmp(path, "/metrics")) {
    answer_metrics(fd);
  } else if (!strcmp(path, "/invocations") && body && sscanf(body, "GET %255s", path) == 1) {
    query = cut_query(path);
    serve_question(fd, path, query);
  } else if (!strcmp(path, "/invocations")) {
    answer_invocation(fd, body ? body : "");
  } else {
    serve_question(fd, path, query);
  }
}

int main(int argc, char** argv) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  if (argc != 2 || strcmp(argv[1], "serve")) return fprintf(stderr, "usage: serve_payload serve\n"), 2;
  printf("first line\n");
  if (getenv("CRASH")) return fprintf(stderr, "cannot load the model\n"), atoi(getenv("CRASH"));
  signal(SIGTERM, getenv("DEAF") ? SIG_IGN : on_term);
  signal(SIGPIPE, SIG_IGN);
  signal(SIGCHLD, SIG_IGN); /* those that sleep are nobody's to wait for */
  int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(8080)};
  if (bind(listener, (struct sockaddr*)&address, sizeof address) || listen(listener, 128)) return perror("listen"), 3;
  time_t started = time(NULL);
  for (;;) {
    int fd = accept(listener, NULL, NULL);
    if (fd < 0) continue;
    serve(fd, started);
    close(fd);
  }
}
