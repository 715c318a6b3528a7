/* Bytes to and from a server, over TLS 1.3 if the program is compiled with -DTLS and told tls=1.
 *
 * With resume=1 each connection resumes the session of the last ticket that came.  Tickets come with the
 * first bytes that a connection receives, so the first connection has none. */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/types.h>

static int tls, resume;
static unsigned long resumed; /* connections whose session was resumed */

#ifdef TLS
#include <openssl/err.h>
#include <openssl/ssl.h>

static SSL_SESSION *last_session;

static int keep_session(SSL *one, SSL_SESSION *session) {
  (void)one;
  SSL_SESSION_free(last_session);
  last_session = session;
  return 1;
}

static int has_ticket(void) {
  return last_session != NULL;
}

/* The TLS of a new connection; NULL if it is plain. */
static SSL *secured(int fd) {
  static SSL_CTX *context;
  if (!tls) return NULL;
  if (!context) {
    context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    if (resume) SSL_CTX_sess_set_new_cb(context, keep_session);
  }
  SSL *one = SSL_new(context);
  SSL_set_fd(one, fd);
  SSL_set_connect_state(one);
  if (last_session) { /* a copy: OpenSSL uses each session of TLS 1.3 once */
    SSL_SESSION *session = SSL_SESSION_dup(last_session);
    SSL_set_session(one, session);
    SSL_SESSION_free(session);
  }
  return one;
}

/* What a call of OpenSSL has returned, as a system call would: -1 and EAGAIN if it has to wait. */
static ssize_t outcome(SSL *one, int done) {
  if (done > 0) return done;
  int why = SSL_get_error(one, done);
  ERR_clear_error();
  errno = why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? EAGAIN : EPROTO;
  return why == SSL_ERROR_ZERO_RETURN ? 0 : -1;
}

/* Go on with the handshake; 1 if it is done, or else as `recv`. */
static ssize_t shake_hands(SSL *one) {
  if (!one || SSL_is_init_finished(one)) return 1;
  ssize_t done = outcome(one, SSL_do_handshake(one));
  if (done > 0) resumed += SSL_session_reused(one);
  return done;
}

static ssize_t take(SSL *one, int fd, char *data, size_t size) {
  return one ? outcome(one, SSL_read(one, data, size)) : recv(fd, data, size, 0);
}

static ssize_t give(SSL *one, int fd, const char *data, size_t size) {
  return one ? outcome(one, SSL_write(one, data, size)) : send(fd, data, size, MSG_NOSIGNAL);
}
#else
typedef void SSL;

static SSL *secured(int fd) {
  (void)fd;
  if (tls || resume) exit(2); /* the caller has this program only for plain connections */
  return NULL;
}

static int has_ticket(void) {
  return 0;
}

static ssize_t shake_hands(SSL *one) {
  (void)one;
  return 1;
}

static ssize_t take(SSL *one, int fd, char *data, size_t size) {
  (void)one;
  return recv(fd, data, size, 0);
}

static ssize_t give(SSL *one, int fd, const char *data, size_t size) {
  (void)one;
  return send(fd, data, size, MSG_NOSIGNAL);
}
#endif
