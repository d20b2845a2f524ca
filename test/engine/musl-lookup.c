/* getaddrinfo of whichever C library it is linked with: prints each address once a line, or the error's name. */
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv) {
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list = NULL;
  if (argc != 2) return 64;
  int error = getaddrinfo(argv[1], NULL, &hints, &list);
  if (error != 0) {
    puts(gai_strerror(error));
    return 2;
  }
  for (struct addrinfo *at = list; at != NULL; at = at->ai_next) {
    char text[INET6_ADDRSTRLEN];
    const void *address = at->ai_family == AF_INET6
                              ? (const void *)&((struct sockaddr_in6 *)at->ai_addr)->sin6_addr
                              : (const void *)&((struct sockaddr_in *)at->ai_addr)->sin_addr;
    puts(inet_ntop(at->ai_family, address, text, sizeof text));
  }
  return 0;
}
