const NAMES = `
about abuse access account accounts activate ad adm admin administrator admins ads affiliate affiliates agent
alert alerts alias all analytics announce announcement announcements anonymous any api apis app apple apps
archive archives asset assets atlas atom audit auth authentication authorize autoconfig autodiscover avatar
backend backup backups bank bastion beta billing bin blog blogs board bot bots broadcasthost bug bugs build
business cache calendar callback campaign captcha career careers cart cdn certificate certificates changelog
chat check checkout ci cloud club cluster cms code com comment comments community compare config configuration
connect console contact contacts contest control cookie cookies copyright core corp country cp cpanel create
credit css customer customers dashboard data database db dead debug default delete demo deploy deployment desktop
dev devel developer developers device devops diag dir directory discuss dl dns dns1 dns2 doc docker docs
documentation domain domains donate download downloads drive drop ecommerce edge edit editor email emails embed
employment enterprise error errors event events example exchange explore export extern external facebook faq
favicon feature features feed feedback feeds file files finance firewall forgot forum forums free ftp function gateway
get git github gitlab google graph graphql grafana group groups guest guide guides health hello help helpdesk
home homepage host hosted hosting hostmaster html http httpd https icon icons id identity image images imap img
imprint inbox incident incidents index info inquiry install internal intranet invite invites invoice invoices ip
ipv4 ipv6 irc isatap issue issues it item items java javascript job jobs join js json kubernetes lab labs launch
ldap learn legal license licensing link links linux list lists live load local localdomain localhost location
log login logo logout logs m mail mail1 mail2 mailbox mailer maildaemon mailerdaemon mailing mails main maintenance
manage manager manual map maps marketing master me media member members message messages messenger metrics
mfa microsoft mirror mobile module money monitor monitoring mx mx1 mx2 my mysql name named names net network new news
newsletter nobody noc none noreply notification notifications ns ns0 ns1 ns2 ns3 ns4 null oauth oauth2 offer office
official old online open openid operator order orders org origin owa owner page pages panel partner partners
passport password pay payment payments paypal phishing photo photos php ping policy poll pop pop3 portal post
postgres postmaster premium press preview price pricing print privacy private prod production profile promo proxy
prometheus public purchase push query queue rdp redirect redis register registry release releases remote renew
report reports request reset resource resources rest return review root router rss s3 sale sales sandbox save
script sdk search secret secrets secure security selfservice send server server1 servers service services
session settings setup sftp share shell shop sign signin signout signup simulator sip site sitemap sites smtp
source spam sql ssh ssl sso staff stage staging start stat static statistics stats status statuspage store
storage stripe style styles subdomain subscribe subscription sudo super superuser support survey svn sync sys
sysadmin syslog system tables tag task tasks team teams tech telemetry telnet temp tenant tenants terms test
test1 test2 testing tests theme ticket tickets time tls tmp token tokens tool tools top tour trace traffic
translate trial trust tv twitter undefined unsubscribe update updates upgrade upload uploads url usage usenet
user username users uucp vault verify version video videos vip virus voice voip vpn wap watch web webadmin
webdisk webhook webhooks webmail webmaster website websites whm whois widget wiki win windows wordpress work
wpad www www1 www2 www3 xml xmpp yahoo you your zone zones
`

/** Names that no customer gets: they mean something to mail, to browsers, to the operator or to a phisher. */
export const RESERVED_NAMES: ReadonlySet<string> = new Set(NAMES.trim().split(/\s+/))
