//! How long a connection may keep the broker waiting.
//!
//! `hyper` bounds the head of an HTTP/1 request, but before it can, the server reads the first bytes to
//! tell HTTP/2 from HTTP/1, and that read has no end of its own.

use std::future::Future;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use axum_server::Server;
use axum_server::accept::Accept;
use futures::future::BoxFuture;
use hyper::rt::{Sleep, Timer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// As many bytes as tell HTTP/2 from HTTP/1 for sure: the preface of RFC 9113, 3.4.
const PREFACE: usize = 24;

/// Closes connections of clients that say nothing, or say it drop by drop.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// From the connection, or the last answer, to the end of the next request's head.
    pub(crate) head: Duration,
    /// How often an HTTP/2 client is asked whether it is there, and how long it may take to say so.
    pub(crate) ping: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            head: Duration::from_mins(1),
            ping: Duration::from_secs(30),
        }
    }
}

impl Patience {
    /// Puts the limits around a server.
    pub(crate) fn limit<A>(
        self,
        mut server: Server<std::net::SocketAddr, A>,
    ) -> Server<std::net::SocketAddr, Hasty<A>> {
        let builder = server.http_builder();
        builder
            .http1()
            .timer(TokioTimer)
            .header_read_timeout(self.head);
        builder
            .http2()
            .timer(TokioTimer)
            .keep_alive_interval(self.ping)
            .keep_alive_timeout(self.ping);
        let limit = self.head;
        server.map(|inner| Hasty { inner, limit })
    }
}

/// Accepts as `inner` does, and expects the first bytes in time.
#[derive(Clone, Debug)]
pub(crate) struct Hasty<A> {
    inner: A,
    limit: Duration,
}

impl<I, S, A> Accept<I, S> for Hasty<A>
where
    A: Accept<I, S>,
    A::Future: Send + 'static,
{
    type Stream = Begun<A::Stream>;
    type Service = A::Service;
    type Future = BoxFuture<'static, io::Result<(Self::Stream, Self::Service)>>;

    fn accept(&self, stream: I, service: S) -> Self::Future {
        let (accepted, limit) = (self.inner.accept(stream, service), self.limit);
        Box::pin(async move {
            let (inner, service) = accepted.await?;
            let deadline = Some(Box::pin(tokio::time::sleep(limit)));
            let stream = Begun {
                inner,
                read: 0,
                deadline,
            };
            Ok((stream, service))
        })
    }
}

/// A connection whose first bytes have a deadline.
#[derive(Debug)]
pub(crate) struct Begun<S> {
    inner: S,
    read: usize,
    deadline: Option<Pin<Box<tokio::time::Sleep>>>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Begun<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.inner).poll_read(context, buffer);
        if read.is_ready() {
            self.read += buffer.filled().len() - before;
            if self.read >= PREFACE {
                self.deadline = None;
            }
        } else if let Some(deadline) = &mut self.deadline {
            ready!(deadline.as_mut().poll(context));
            return Poll::Ready(Err(ErrorKind::TimedOut.into()));
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Begun<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

/// Tokio's clock for `hyper`, which has none of its own.
#[derive(Clone, Copy, Debug)]
struct TokioTimer;

struct TokioSleep(Pin<Box<tokio::time::Sleep>>);

impl Timer for TokioTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        Box::pin(TokioSleep(Box::pin(tokio::time::sleep(duration))))
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        let deadline = tokio::time::Instant::from_std(deadline);
        Box::pin(TokioSleep(Box::pin(tokio::time::sleep_until(deadline))))
    }
}

impl Future for TokioSleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().poll(context)
    }
}

impl Sleep for TokioSleep {}
