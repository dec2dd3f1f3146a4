use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that end the stack.
pub(super) struct Signals([Signal; 3]);

impl Signals {
    /// Takes Ctrl-C, SIGTERM and a closing terminal over from the system, which would end this process alone.
    pub(super) fn take() -> std::io::Result<Self> {
        Ok(Self([
            signal(SignalKind::interrupt())?,
            signal(SignalKind::terminate())?,
            signal(SignalKind::hangup())?,
        ]))
    }

    /// Waits for the next of them.
    pub(super) async fn next(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.0;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}
