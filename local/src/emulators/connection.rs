//! Connections that a handler can cut, as a network does: nothing more is sent, not even an error.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

/// A listener whose connections can be cut.
#[derive(Debug)]
pub(crate) struct CuttableListener(pub(crate) TcpListener);

/// What becomes of a connection, which is whole at first: it stops at the next write.
const CUT: u8 = 1;
/// It stops just before the end of the next write.
const CUT_SHORT: u8 = 2;
/// It stops when something more is asked by it.
const DEAD_AFTERWARDS: u8 = 3;

/// A TCP stream that stops once it is cut.
#[derive(Debug)]
pub(crate) struct CuttableStream {
    stream: TcpStream,
    fate: Arc<AtomicU8>,
}

/// Cuts the connection that a request came by.
#[derive(Debug, Clone)]
pub(crate) struct Scissors(Arc<AtomicU8>);

impl Scissors {
    /// From now on nothing is sent; the connection closes at the next attempt.
    pub(crate) fn cut(&self) {
        self.0.store(CUT, Ordering::SeqCst);
    }

    /// The answer loses its end, and the connection closes.
    pub(crate) fn cut_short(&self) {
        self.0.store(CUT_SHORT, Ordering::SeqCst);
    }

    /// The answer arrives, and the connection is dead without looking so: it closes at the next request, which nobody sees.
    pub(crate) fn die_afterwards(&self) {
        self.0.store(DEAD_AFTERWARDS, Ordering::SeqCst);
    }
}

impl Listener for CuttableListener {
    type Io = CuttableStream;
    type Addr = std::net::SocketAddr;

    fn accept(&mut self) -> impl Future<Output = (Self::Io, Self::Addr)> + Send {
        let accept = Listener::accept(&mut self.0);
        async {
            let (stream, address) = accept.await;
            // Small answers would otherwise wait for the delayed acknowledgement of the last one.
            let _ = stream.set_nodelay(true);
            (
                CuttableStream {
                    stream,
                    fate: Arc::default(),
                },
                address,
            )
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.0.local_addr()
    }
}

impl Connected<IncomingStream<'_, CuttableListener>> for Scissors {
    fn connect_info(stream: IncomingStream<'_, CuttableListener>) -> Self {
        Self(Arc::clone(&stream.io().fate))
    }
}

impl CuttableStream {
    fn fate(&self) -> u8 {
        self.fate.load(Ordering::SeqCst)
    }

    fn whole(&self) -> io::Result<()> {
        if self.fate() == CUT {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        Ok(())
    }

    /// Writes all but the last byte, after which the connection is cut.
    fn write_short(
        &mut self,
        context: &mut Context<'_>,
        mut bytes: Vec<u8>,
    ) -> Poll<io::Result<usize>> {
        bytes.pop();
        let written = Pin::new(&mut self.stream).poll_write(context, &bytes);
        if written.is_ready() {
            self.fate.store(CUT, Ordering::SeqCst);
        }
        written
    }
}

impl AsyncRead for CuttableStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if self.fate() == DEAD_AFTERWARDS && read.is_ready() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        read
    }
}

impl AsyncWrite for CuttableStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.whole()?;
        if self.fate() == CUT_SHORT {
            return self.write_short(context, bytes.to_vec());
        }
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.whole()?;
        if self.fate() == CUT_SHORT {
            let parts: Vec<&[u8]> = slices.iter().map(|slice| &**slice).collect();
            return self.write_short(context, parts.concat());
        }
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.whole()?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
