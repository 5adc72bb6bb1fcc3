//! One question to a DNS server over UDP, as `dig` asks it: what the tour sees of a name.

use domain::base::iana::{Class, Rcode};
use domain::base::{Message, MessageBuilder, Name, Rtype};
use domain::rdata::A;
use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio::time::timeout;

/// How long the answer may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// The most that is read of an answer, more than a server sends unasked over UDP.
const MAX_ANSWER: usize = 1500;

/// The first address of a name; none if the name does not exist.
///
/// # Errors
/// If there is no answer, or it is neither an address nor NXDOMAIN.
pub(crate) async fn address(
    server: SocketAddr,
    name: &str,
) -> Result<Option<Ipv4Addr>, Box<dyn Error + Send + Sync>> {
    let name = Name::vec_from_str(name)?;
    let mut query = MessageBuilder::new_vec().question();
    query.header_mut().set_id(0x5a50);
    query.push((&name, Rtype::A, Class::IN))?;
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    // Then nobody else can answer.
    socket.connect(server).await?;
    socket.send(&query.finish()).await?;
    let mut answer = vec![0; MAX_ANSWER];
    let received = timeout(PATIENCE, socket.recv(&mut answer)).await;
    let len = received.map_err(|_| "no answer")??;
    answer.truncate(len);
    let answer = Message::from_octets(answer)?;
    match answer.header().rcode() {
        Rcode::NXDOMAIN => Ok(None),
        Rcode::NOERROR => {
            let mut records = answer.answer()?.limit_to::<A>();
            let first = records.next().ok_or("no address in the answer")?;
            Ok(Some(first?.data().addr()))
        }
        other => Err(format!("answered {other}").into()),
    }
}
