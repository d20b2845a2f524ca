/* Receives unix datagrams, as systemd does on its notify socket, and prints each as one line: Node has no such sockets.
   datagram-receiver PATH; a leading @ means the abstract namespace. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

int main(int argc, char **argv) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  char message[4096];
  if (argc != 2 || strlen(argv[1]) >= sizeof address.sun_path) return 64;
  size_t length = strlen(argv[1]);
  memcpy(address.sun_path, argv[1], length);
  if (address.sun_path[0] == '@') address.sun_path[0] = 0;
  int receiver = socket(AF_UNIX, SOCK_DGRAM, 0);
  if (bind(receiver, (struct sockaddr *)&address,
           offsetof(struct sockaddr_un, sun_path) + length) != 0) {
    perror("bind");
    return 1;
  }
  puts("listening");
  for (;;) {
    fflush(stdout);
    ssize_t size = recv(receiver, message, sizeof message - 1, 0);
    if (size < 0) return 1;
    message[size] = 0;
    for (char *at = message; (at = strchr(at, '\n')) != NULL;) *at = '|';
    puts(message);
  }
}
