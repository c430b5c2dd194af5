/* The rows. Stop words: the function words of each language and the commonest verbs of dialogue.
 * Feelings: words that are strong in film dialogue, graded 1 (slight) to 9 (extreme); a list of a
 * hundred such words finds most of what a large lexicon finds in subtitles, because dialogue draws
 * on few of them. Written for this program; extend freely, a test checks the form of every row. */
#include "story/languages.h"

#define EN_STOP                                                                                    \
    "a about above after again against ain't all almost already also always am an and another "    \
    "any "                                                                                         \
    "anybody anyone anything anyway are aren't around as ask at away back be because been before " \
    "being but by came can can't cannot come comes coming could couldn't did didn't do does "      \
    "doesn't doing don't done down each either else enough er even ever every everybody everyone " \
    "everything few for from get gets getting give given go goes going gone gonna good got gotta " \
    "had hadn't has hasn't have haven't he he'd he'll he's her here here's hers herself hey him "  \
    "himself his hm hmm how how's i i'd i'll i'm i've if in into is isn't it it'd it'll it's its " \
    "itself just keep kind knew know knows last least less let let's like little long look looks " \
    "lot made make makes many may maybe me mean might mine more most much must my myself need "    \
    "never new next no nobody none nor not nothing now of off oh ok okay old on once one ones "    \
    "only or other our ours ourselves out over own perhaps please put quite rather really right "  \
    "said same saw say says see seen she she'd she'll she's should shouldn't since so some "       \
    "somebody someone something sometimes sorry still such sure take tell than thank thanks that " \
    "that'll that's the their theirs them themselves then there there's these they they'd "        \
    "they'll they're they've thing things think this those though thought through till to too "    \
    "told took toward try two uh uhm um under until up upon us use used very wanna want wanted "   \
    "wants was wasn't way we we'd we'll we're we've well went were weren't what what's whatever "  \
    "when where where's whether which while who who's whole whom whose why will with within "      \
    "without won't would wouldn't yeah yes yet you you'd you'll you're you've your yours "         \
    "yourself 'cause 'em y'all"

#define EN_NOT_NAMES                                                                               \
    "monday tuesday wednesday thursday friday saturday sunday january february march april june "  \
    "july august september october november december christmas easter god jesus christ lord sir "  \
    "madam ma'am mister miss mrs dr doctor mom mommy mum mummy dad daddy father mother uncle "     \
    "aunt "                                                                                        \
    "grandma grandpa brother sister boss captain officer sergeant lieutenant colonel general "     \
    "major judge honor majesty highness president senator mayor detective inspector agent "        \
    "professor nurse king queen prince princess lady ladies gentlemen gentleman man men woman "    \
    "boy "                                                                                         \
    "boys girl girls guys guy kid kids son honey darling dear baby sweetheart buddy pal dude "     \
    "everybody everyone somebody hello hi bye goodbye wow ouch damn hell shit fuck careful stop "  \
    "wait look listen run help come go quick quickly hurry silence enough easy great fine nice "   \
    "cool perfect exactly absolutely definitely certainly indeed alright welcome cheers "          \
    "congratulations sorry thanks pardon nothing never always maybe really seriously tomorrow "    \
    "today tonight yesterday now here there what why who where when how yes no yeah okay ok good " \
    "morning evening afternoon night america american americans england english britain british "  \
    "france french germany german germans italy italian spain spanish russia russian russians "    \
    "china chinese japan japanese europe european africa african asia india indian indians "       \
    "mexico mexican canada canadian australia ireland irish scotland scottish israel arab jew "    \
    "jewish christian muslim catholic bible london paris berlin rome moscow york chicago boston "  \
    "washington california texas florida hollywood vegas angeles francisco city street avenue "    \
    "road park hotel hospital university school church earth mars moon sun heaven internet tv "    \
    "fbi "                                                                                         \
    "cia police nazi nazis vietnam iraq atlantic pacific north south east west rock island river " \
    "lake hill bay mountain valley castle "                                                        \
    "station harbour harbor beach bridge square county house church"

#define EN_FEELINGS                                                                                \
    "love*:5 hate*:6 kill*:7 murder*:8 die:6 dies:6 dying:7 dead:6 death:6 died:6 blood*:5 "       \
    "afraid:6 fear*:5 scare*:5 terrif*:7 horr*:7 panic*:6 scream*:6 cry:5 cries:5 crying:6 "       \
    "cried:5 tears:5 weep*:6 pain*:5 hurt*:5 suffer*:6 help:4 danger*:5 attack*:5 fight*:4 "       \
    "shoot:5 shot:4 gun:4 bomb*:5 explo*:5 fire:4 run:3 hurry:4 stop:3 please:3 sorry:3 "          \
    "forgive*:5 shame*:5 guilt*:5 alone:4 lonely:5 miss:2 lost:4 lose:4 losing:4 never:2 "         \
    "forever:4 happy:4 happi*:5 joy*:5 laugh*:4 smil*:3 beautiful:4 wonderful:4 amazing:4 "        \
    "perfect:3 dream*:3 hope*:3 trust*:4 betray*:7 lie:4 lied:5 liar:6 lying:5 cheat*:5 "          \
    "secret*:4 "                                                                                   \
    "truth:4 swear:4 promise*:4 angry:5 anger:5 fury:6 furious:6 mad:4 crazy:4 insane:5 idiot:5 "  \
    "stupid:4 fool*:4 damn*:4 hell:4 bastard*:6 bitch*:6 fuck*:6 shit*:5 god:3 devil:4 evil:5 "    \
    "monster*:5 destroy*:6 revenge:7 war:5 victim*:5 trap*:4 escap*:4 desperat*:6 worry:3 "        \
    "worried:4 kiss*:4 heart*:3 marry:4 married:3 wedding:4 goodbye:4 farewell:5 free:3 "          \
    "freedom:5 "                                                                                   \
    "proud:4 brave:4 courage:4 hero*:4 miracle:5 nightmare*:6 wrong:3 terrible:5 awful:5 "         \
    "horrible:6 worst:5 grave:4 funeral:5 save*:3 hit:3 sick:3 careful:4 safe:2 watch:1 trouble:4"

#define DE_STOP                                                                                      \
    "aber alle allem allen aller alles als also am an andere anderen auch auf aus bei beim bin "     \
    "bis "                                                                                           \
    "bist bitte da dabei dafür dagegen daher damit danach dann daran darauf daraus darf darum "     \
    "das "                                                                                           \
    "dass daß dein deine deinem deinen deiner dem den denen denn der deren des deshalb dich die "   \
    "dies diese diesem diesen dieser dieses dir doch dort du durch ein eine einem einen einer "      \
    "eines einfach einmal er es etwas euch euer eure für gab ganz gar geben gegen gehen geht "      \
    "gekommen gemacht genau genug gerade gesagt gesehen gewesen gibt gleich gut hab habe haben "     \
    "habt hallo hat hatte hatten hätte her hier hin hinter ich ihm ihn ihnen ihr ihre ihrem "       \
    "ihren "                                                                                         \
    "ihrer im immer in ins ist ja jede jeden jeder jedes jetzt kam kann kannst kein keine keinen "   \
    "keiner komm kommen kommt können könnte lass lassen los mach machen macht mal man mein meine " \
    "meinem meinen meiner mich mir mit muss musst müssen na nach nein nicht nichts nie niemand "    \
    "noch nun nur ob oder ohne sag sagen sagt sagte sah schon sehen sehr sei seid sein seine "       \
    "seinem seinen seiner seit sich sie sieht sind so soll sollen sollte sondern sonst tun über "   \
    "um und uns unser unsere unter viel viele vielleicht vom von vor war waren warst warte warum "   \
    "was weg weil weiß welche wenn wer werde werden wie wieder will willst wir wird wirklich "      \
    "wirst wissen wo wohl wollen wollte worden wurde wurden würde würden zu zum zur zwei zwischen"

#define DE_FEELINGS                                                                                   \
    "lieb*:4 hass*:6 töt*:7 mord*:7 mörder*:8 sterb*:6 starb:6 tot:6 tod:6 blut*:5 angst:6 "        \
    "fürcht*:5 schrei*:5 wein*:5 träne*:5 schmerz*:5 verletz*:5 hilfe:5 gefahr*:5 gefährlich*:5 "  \
    "angriff*:5 kampf:4 kämpf*:4 schieß*:5 waffe*:4 bombe*:5 feuer:4 lauf:3 schnell:3 verzeih*:5 "  \
    "schuld*:4 allein:4 einsam*:5 verlor*:4 ewig:4 glücklich*:5 freu*:4 lach*:4 schön:3 "           \
    "wunderbar:4 traum*:3 hoffnung*:4 vertrau*:4 verrat*:7 verräter*:7 lüge*:5 lügner*:6 "         \
    "wahrheit:4 schwör*:4 versprech*:4 wütend:5 zorn*:5 verrückt*:4 wahnsinn*:5 idiot*:5 dumm*:4 " \
    "verdammt*:5 hölle:4 teufel*:4 gott:3 scheiß*:5 arschloch:6 böse*:4 monster*:5 zerstör*:6 "   \
    "rache:7 krieg*:5 falle:4 flieh*:4 flucht:4 verzweif*:6 sorge*:3 kuss:4 küss*:4 herz*:3 "        \
    "heirat*:4 hochzeit:4 lebwohl:5 frei:3 freiheit:5 stolz:4 mut:4 held*:4 wunder:4 alptraum:6 "     \
    "schrecklich*:5 furchtbar*:5 schlimm*:4 vorsicht:4 rette*:5"

#define FR_STOP                                                                                        \
    "à ah ai ainsi alors après as assez au aucun aujourd'hui aussi autre autres aux avait avant "    \
    "avec avez avoir avons beaucoup bien bon bonne c'est c'était ça car ce ceci cela celle celui "   \
    "ces cet cette ceux chez chose comme comment d'accord d'un d'une dans de depuis des dire dis "     \
    "dit dites dois doit donc dont du elle elles en encore est et étais était été êtes être eu " \
    "eux faire fais fait faites faut fois font hein il ils j'ai j'étais je jamais jusqu'à l'ai "     \
    "la là le les leur leurs lui ma mais me même merci mes moi moins mon n'a n'ai n'as n'est ne "    \
    "ni non nos notre nous on ont ou où oui par parce pas peu peut peux plus point pour pourquoi "    \
    "pouvez pris qu'elle qu'est-ce qu'il qu'ils qu'on qu'un quand que quel quelle quelque "            \
    "quelqu'un qui quoi rien s'est s'il sa sais sait sans se sera ses seulement si soit sommes "       \
    "son sont suis sur ta te tes toi ton toujours tous tout toute toutes très trop tu un une va "     \
    "vais vas vers veut veux viens vient voilà voir vois vont vos votre vous vraiment y"

#define FR_FEELINGS                                                                                    \
    "aime*:4 amour*:5 haine:6 hais:6 déteste*:5 tue:6 tuer:7 tué*:7 meurtre*:8 assassin*:8 "         \
    "mort*:6 mourir:6 meurt:6 sang:5 peur*:6 terreur:7 horreur:7 horrible*:6 crie*:5 pleur*:5 "        \
    "larme*:5 douleur*:5 mal:3 souffr*:6 secours:6 aidez-moi:6 aide*:3 danger*:5 attaqu*:5 "           \
    "battre:4 tire*:4 arme*:4 bombe*:5 feu:4 vite:4 pardon*:4 honte:5 coupable*:5 seul*:3 "            \
    "perdu*:4 perdre:4 toujours:2 heureux:5 heureuse:5 bonheur:5 joie:5 rire:4 sourire:4 beau:3 "      \
    "belle:3 merveill*:4 rêve*:3 espoir:4 confiance:4 trahi*:7 mens:4 menti*:5 menteur:6 "            \
    "vérité:4 jure*:4 promets:4 colère:5 furieux:6 fou:4 folle:4 idiot*:5 stupide*:4 imbécile*:5 " \
    "merde:5 putain:5 salaud*:6 salope:6 enfer:4 dieu:3 diable:4 monstre*:5 détrui*:6 "               \
    "vengeance:7 "                                                                                     \
    "venger:6 guerre*:5 piège*:4 fuir:4 désespoir:6 désespér*:6 inqui*:4 baiser:4 embrass*:4 "     \
    "cœur:3 mari*:3 mariage:4 adieu:5 libre*:3 liberté:5 fier*:3 courage:4 héros:4 miracle:5 "      \
    "cauchemar*:6 terrible*:5 attention:4 sauve*:5"

#define ES_STOP                                                                                          \
    "a ahí ahora al algo alguien algún alguna allí antes aquí así aún aunque bien bueno buena "    \
    "cada "                                                                                              \
    "casi como cómo con cosa cosas creo cual cuál cuando cuándo cuanto da de decir dejar del "        \
    "desde "                                                                                             \
    "dice dices digo dijo donde dónde dos e eh el él ella ellas ellos en entonces entre era eran "     \
    "eres es esa esas ese eso esos esta está están estaba estamos estar estás estas este esto "       \
    "estos estoy fue fuera fueron gracias gran ha haber había hace hacer haces haciendo haga "          \
    "hago "                                                                                              \
    "han has hasta hay he hecho hemos hola hoy iba ir la las le les lo los luego más mas me "           \
    "mejor "                                                                                             \
    "menos mi mí mía mientras mío mis mismo momento mucho muchos muy nada nadie ni no nos "           \
    "nosotros nuestra nuestro nunca o oh otra otro para parece pero poco podemos poder podría "         \
    "por "                                                                                               \
    "porque puede puedes puedo pues que qué quién quien quiere quieres quiero sabe saber sabes "       \
    "se "                                                                                                \
    "sé sea señor señora ser será si sí sido siempre siento sin sobre solo sólo somos son soy su " \
    "sus tal también tan tanto te tenemos tener tengo ti tiempo tiene tienen tienes toda todas "        \
    "todavía todo todos tu tú tus un una uno unos usted ustedes va vale vamos van vas ve ver vez "     \
    "voy y ya yo"

#define ES_FEELINGS                                                                                  \
    "amor*:5 amo:4 odi*:6 mata*:7 maté:7 mató:7 asesin*:8 morir:6 muere*:6 murió:6 muert*:6 "     \
    "sangre:5 miedo*:6 terror:7 horror:7 horrible*:6 grit*:5 llor*:5 lágrima*:5 dolor*:5 duele:5 "  \
    "sufr*:6 ayuda:5 auxilio:6 socorro:6 peligro*:5 ataqu*:5 pele*:4 dispar*:5 arma*:4 bomba*:5 "    \
    "fuego:4 corre:4 rápido:3 perdón*:4 perdona*:4 vergüenza:5 culpa*:4 solo:2 soledad:5 "        \
    "perdid*:4 perder:4 feliz:5 felic*:4 alegr*:4 risa*:4 sonr*:3 hermos*:4 maravill*:4 sueño*:3 "  \
    "esperanza:4 confi*:3 traici*:7 traidor*:7 mentira*:5 mentiros*:6 verdad:3 juro:4 prometo:4 "    \
    "furios*:6 ira:5 loc*:4 idiota*:5 estúpid*:5 imbécil*:5 mierda:5 puta*:6 maldit*:5 diablo*:4 " \
    "infierno:4 dios:3 demonio*:4 monstruo*:5 destru*:6 venganza:7 guerra*:5 trampa*:4 escap*:4 "    \
    "huir:4 desesper*:6 preocup*:3 beso*:4 corazón:3 casar*:3 boda:4 adiós:4 libre*:3 libertad:5 " \
    "orgullo*:4 valor:3 héroe*:4 milagro*:5 pesadilla*:6 terrible*:5 cuidado:4 salva*:5"

#define IT_STOP                                                                                      \
    "a abbiamo adesso ai al alla alle allora anche ancora andare andiamo avere aveva avete bene "    \
    "beh c'è che chi ci ciao ciò come con cosa cose così cui da dai dal dalla davvero degli dei " \
    "del della delle dello deve devi devo di dice dire dove due e è ecco ed era erano eri ero "     \
    "essere fa faccio fai fare fatto forse fra già gli grazie ha hai hanno ho i il in io l'ho la "  \
    "là lascia lei li lo loro lui ma mai me meno mi mia mio molto ne nei nel nella nessuno "        \
    "niente "                                                                                        \
    "no noi non nostra nostro o ogni ok ora per perché però più poco poi posso può puoi qua "    \
    "qualche qualcosa qualcuno quando quanto quel quella quelli quello questa queste questi "        \
    "questo qui sa sai sarà se sei sempre senti senza si sì sia siamo siete so solo sono sta "     \
    "stai "                                                                                          \
    "stato sto su sua sul sulla suo suoi te ti tra troppo tu tua tuo tutta tutti tutto un una "      \
    "uno "                                                                                           \
    "va vado vai vediamo vedo vieni vi voglio voi vuoi vuole"

#define IT_FEELINGS                                                                                \
    "amo:4 ama*:4 amore:5 odi*:6 uccid*:7 ucciso:7 omicid*:8 assassin*:8 mori*:6 morto:6 morta:6 " \
    "morte:6 sangue:5 paura*:6 terrore:7 orrore:7 orribile:6 grid*:5 piang*:5 lacrim*:5 dolor*:5 " \
    "soffr*:6 aiuto:5 pericolo*:5 attacc*:5 spar*:5 pistola:4 bomba*:5 fuoco:4 corri:4 presto:3 "  \
    "perdon*:4 vergogna*:5 colpa*:4 solo:2 solitudine:5 perso:4 felic*:5 gioia:5 rider*:4 "        \
    "bell*:3 "                                                                                     \
    "meravigli*:4 sogn*:3 speranz*:4 fiduci*:4 tradi*:7 bugi*:5 verità:4 giuro:4 prometto:4 "     \
    "rabbia:5 furios*:6 pazz*:4 idiota:5 stupid*:4 merda:5 cazzo:5 bastard*:6 maledett*:5 "        \
    "diavolo:4 inferno:4 dio:3 mostr*:4 distrugg*:6 vendetta:7 guerra:5 trappol*:4 scapp*:4 "      \
    "fuggi*:4 disper*:6 preoccup*:3 baci*:4 cuore:3 spos*:3 addio:5 liber*:3 orgoglio*:4 "         \
    "coraggio:4 eroe:4 miracolo:5 incubo:6 terribile:5 attento:4 salv*:4"

#define PT_STOP                                                                                       \
    "a agora aí ainda alguém algo ao aos aqui as às até bem boa bom cada certo com como da das "  \
    "de "                                                                                             \
    "depois deve disse do dois dos e é ela elas ele eles em então era eram és essa esse esta "     \
    "está "                                                                                          \
    "estamos estão estar estás estava este estou eu fazer faz fez foi for gente há isso isto já " \
    "lá lhe lo mais mas me mesmo meu meus minha minhas muito na nada não nas nem nenhum no nos "    \
    "nós nossa nosso nunca o obrigado olá onde os ou para pelo pela per pode podemos por porque "   \
    "posso pouco pra quando que quê quem quer quero sabe sabes se sei sem sempre ser será seu "     \
    "seus "                                                                                           \
    "sim só sobre somos sou sua suas talvez também tão te tem tenho ter teu tinha toda todos tu "  \
    "tua tudo um uma vai vamos vem ver vez você vocês vou"

#define PT_FEELINGS                                                                                 \
    "amo:4 amor*:5 odei*:6 ódio:6 mata*:7 matou:7 assassin*:8 morr*:6 mort*:6 sangue:5 medo*:6 "   \
    "terror:7 horror:7 horrível:6 grit*:5 chor*:5 lágrima*:5 dor:5 dores:5 sofr*:6 ajud*:4 "      \
    "socorro:6 perigo*:5 ataq*:5 tiro*:4 arma*:4 bomba*:5 fogo:4 corre:4 rápido:3 perdão:4 "      \
    "perdoa*:4 vergonha:5 culpa*:4 sozinh*:4 perdid*:4 feliz:5 felic*:4 alegri*:5 lind*:3 "         \
    "maravilh*:4 sonho*:3 esperança:4 confi*:3 trai*:6 mentir*:5 verdade:3 juro:4 prometo:4 "      \
    "raiva:5 furios*:6 louc*:4 idiota*:5 estúpid*:5 merda:5 porra:5 maldit*:5 diabo*:4 inferno:4 " \
    "deus:3 monstro*:5 destru*:6 vingança:7 guerra*:5 armadilha:4 fugir:4 desesper*:6 beij*:4 "    \
    "coração:3 casar:3 adeus:5 livre*:3 liberdade:5 orgulh*:4 coragem:4 herói:4 milagre:5 "      \
    "pesadelo:6 terrível:5 cuidado:4 salva*:5"

#define NL_STOP                                                                                    \
    "aan al alle alleen als altijd ben bent bij daar dan dat de deze die dit doe doen door dus "   \
    "echt een en er even gaan gaat ga geen gewoon goed haar had hallo heb hebben hebt heeft hem "  \
    "het hier hij hoe hun iemand iets ik in is ja je jij jou jouw jullie kan kom komen komt kon "  \
    "kunnen kun laat maar mag me meer men met mij mijn moet moeten naar nee niemand niet niets "   \
    "nog "                                                                                         \
    "nooit nou nu of om omdat onder ons onze ook op over te terug toch toen tot u uit uw van "     \
    "veel "                                                                                        \
    "voor waar waarom want waren was wat we weet weg wel wie wij wil willen wordt zal ze zeg "     \
    "zeggen zegt zei zich zie zien zij zijn zo zou zouden"

#define NL_FEELINGS                                                                                \
    "liefde:5 hou:3 haat*:6 dood*:6 moord*:8 sterf*:6 sterv*:6 bloed*:5 bang:6 angst*:6 "          \
    "schreeuw*:5 "                                                                                 \
    "huil*:5 tranen:5 pijn*:5 gewond:5 help*:4 gevaar*:5 aanval*:5 vecht*:4 schiet*:5 wapen*:4 "   \
    "bom*:5 brand:4 vuur:4 ren:4 snel:3 vergeef*:5 schuld*:4 alleen:3 eenzaam:5 verloren:4 "       \
    "gelukkig:4 blij:4 lach*:4 mooi:3 prachtig:4 droom*:3 hoop:3 vertrouw*:4 verraad*:7 lieg*:5 "  \
    "leugen*:5 waarheid:4 beloof*:4 boos:5 woedend:6 gek:4 idioot:5 stom*:4 verdomme:5 hel:4 "     \
    "god:3 klootzak:6 monster*:5 vernietig*:6 wraak:7 oorlog*:5 val:3 vlucht*:4 wanhop*:6 kus*:4 " \
    "hart:3 trouwen:4 vaarwel:5 vrij:3 vrijheid:5 trots:4 moed:4 held*:4 wonder:4 nachtmerrie:6 "  \
    "verschrikkelijk*:5 vreselijk*:5 pas:1 red:4"

#define SV_STOP                                                                                       \
    "aldrig all alla allt alltid att av bara blev bli blir bra då de dem den denna deras det "       \
    "detta dig din dina ditt du där efter ej eller en er ett få får fick för från gick gjorde "  \
    "gör göra gå går ha hade han har hans hej henne hennes hit hon honom hur här i in ingen "    \
    "inget inte ja jag jo ju kan kom komma kommer kunde låt man med men mer mig min mina mitt "      \
    "mot mycket måste ni nu när någon något nej nog och också om oss på sa se ser sig sin ska " \
    "skulle som så säga säger sådan till tack titta tro tror under upp ut utan vad var vara "     \
    "varför varit vem vet vi vid vill vilken väl vår åt än är över"

#define SV_FEELINGS                                                                                 \
    "älsk*:5 kärlek*:5 hata*:6 döda*:7 mord*:8 mörda*:8 dö:6 dör:6 död*:6 blod*:5 rädd*:6 " \
    "skräck*:7 "                                                                                   \
    "skrik*:5 gråt*:5 tårar:5 smärta:5 ont:4 hjälp*:4 fara:5 farlig*:5 anfall*:5 slåss:4 "     \
    "skjut*:5 "                                                                                     \
    "vapen:4 bomb*:5 eld:4 spring:4 snabbt:3 förlåt*:4 skuld*:4 ensam*:5 förlor*:4 lycklig*:5 "  \
    "glad*:4 skratt*:4 vacker*:4 underbar*:4 dröm*:3 hopp:3 lita:4 svik*:6 förråd*:7 ljug*:5 "   \
    "lögn*:5 sanning*:4 svär:4 lova*:4 arg:5 rasande:6 galen*:4 tokig*:4 idiot*:5 dum*:4 "        \
    "jävl*:5 fan:4 helvete*:5 gud:3 monster:5 förstör*:6 hämnd:7 krig*:5 fälla:4 fly*:4 "      \
    "desperat*:6 kyss*:4 hjärta*:3 gifta:4 farväl:5 adjö:4 fri*:3 stolt:4 mod:4 hjälte*:4 "     \
    "mirakel:5 mardröm*:6 hemsk*:5 fruktansvärd*:6 akta:5 rädda*:5 säker*:2"

#define RU_STOP                                                                                                                                                             \
    "а без более больше был была были было быть в вам вас ваш ведь весь во вот все всё всего "          \
    "всегда всех всю вы где говорить да даже два для до должен его ее её если есть еще ещё же за "   \
    "здесь знаешь знаю знать и из или им их к как какая какой когда конечно кто куда ли лишь "         \
    "лучше меня мне много может можешь можно мой моя мы на надо нам нас наш не него нее ней нет "    \
    "ни нибудь никогда никто ним них ничего но ну о об один он она они оно от очень перед по под "   \
    "пожалуйста пока потом потому почему при просто про раз с сам свою своей себе себя сегодня "  \
    "сейчас со спасибо так такой такая там тебе тебя тем теперь то тобой тогда того тоже только " \
    "том тот тут ты у уж уже хорошо хочешь хочу чем через что чтоб чтобы это эта эти этого этой "    \
    "этом этот эту я"

#define RU_FEELINGS                                                                                                                                   \
    "любл*:5 люби*:4 любовь*:5 ненавиж*:6 ненавист*:6 убив*:7 убий*:8 убит*:7 убью:8 умер*:6 "       \
    "умир*:6 умр*:6 смерт*:6 мертв*:6 мёртв*:6 кров*:5 боюсь:6 бойся:5 страх*:6 страшн*:6 "            \
    "ужас*:6 "                                                                                                                                    \
    "крич*:5 крик*:5 плак*:5 плач*:5 слез*:5 слёз*:5 боль:5 больно:5 страда*:6 помоги*:6 "              \
    "помощь*:5 опасн*:5 атак*:5 драк*:4 стреля*:5 оруж*:4 бомб*:5 огонь:4 беги*:4 быстр*:3 "           \
    "прост*:2 прости*:4 стыд*:5 винова*:5 один:2 одинок*:5 потеря*:4 счаст*:5 радост*:5 смех*:4 " \
    "красив*:3 прекрасн*:4 мечт*:3 надежд*:4 довер*:4 преда*:6 лжец*:6 лож*:4 врешь:5 врёшь:5 "    \
    "правд*:3 клян*:5 обеща*:4 зло*:4 ярост*:6 сумасшедш*:4 идиот*:5 дурак*:4 черт*:4 чёрт*:4 "      \
    "проклят*:5 ад:4 бог*:3 боже:4 дьявол*:4 чудовищ*:5 уничтож*:6 месть:7 войн*:5 ловушк*:4 "     \
    "отчаян*:6 поцел*:4 сердц*:3 прощай*:5 свобод*:4 горд*:4 смел*:4 геро*:4 чудо:4 кошмар*:6 "     \
    "осторожн*:4 спаси*:2"

#define PL_STOP                                                                                             \
    "a aby ale ani bardzo bez bo być był była było były będzie będę chcę chcesz chyba ci cię co " \
    "coś czego czemu czy dla dlaczego do dobrze gdy gdzie go i ich ile im in ja jak jaki jako je "         \
    "jego jej jest jestem jesteś jeszcze jeśli jeżeli już kiedy kto która które który lub ma mam "   \
    "mamy masz mi mnie moja moje może możesz mój mu muszę my na nad nam nas nic nich nie niech "        \
    "nigdy nim no o od on ona oni ono oraz pan pani po pod proszę przed przez przy się są skąd "        \
    "swoje ta tak taki tam te tego tej ten teraz też to tobie tu tutaj twoja twoje ty tylko tym "          \
    "u "                                                                                                    \
    "w was we wiem wiesz więc wszystko wszyscy wy z za zawsze ze że żeby"

static const struct md_story_language rows[] = {
    {"en", EN_STOP,
     "a an the my your his her its our their this that these those some any no every each "
     "another "
     "what",
     "mr mrs ms dr st prof sr jr vs etc capt lt sgt col gen rev hon e.g i.e a.m p.m u.s d.c mt "
     "ft",
     "mr mrs ms miss dr doctor prof professor sir lady lord captain capt lt sgt sergeant "
     "lieutenant colonel col uncle aunt father sister brother saint st agent detective "
     "inspector "
     "judge king queen prince princess",
     EN_NOT_NAMES, "in into near across of", EN_FEELINGS, false},
    {"de", DE_STOP,
     "der die das den dem des ein eine einen einem einer mein meine meinen meinem meiner dein "
     "deine deinen deinem deiner sein seine seinen ihr ihre ihren ihrem unser unsere euer eure "
     "kein keine keinen dieser diese dieses diesen diesem jeder jede jedes welche im am zum "
     "zur "
     "vom beim ins zwei drei viel viele mehr wenig alle",
     "hr fr dr prof bzw usw z.b d.h u.a nr st ca str jh",
     "herr herrn frau fräulein dr doktor prof professor kommissar hauptmann graf könig königin "
     "onkel tante",
     "montag dienstag mittwoch donnerstag freitag samstag sonntag januar februar märz april "
     "mai "
     "juni juli august september oktober november dezember weihnachten ostern gott herr frau "
     "mann "
     "mama papa vater mutter ja nein hallo hey danke bitte los halt stopp vorsicht achtung "
     "hilfe "
     "ruhe genau gut richtig schnell komm warte entschuldigung tschüss morgen heute jetzt sir "
     "chef "
     "schatz liebling junge mädchen leute freunde kinder deutschland berlin amerika england "
     "frankreich paris london wien europa",
     "in aus nach", DE_FEELINGS, true},
    {"fr", FR_STOP,
     "le la les un une des du au aux mon ma mes ton ta tes son sa ses notre nos votre vos leur "
     "leurs ce cet cette ces quel quelle chaque aucun",
     "m mm mme mlle dr etc p.ex st ste",
     "m monsieur mme madame mlle mademoiselle dr docteur capitaine inspecteur commissaire "
     "professeur oncle tante père sœur roi reine",
     "lundi mardi mercredi jeudi vendredi samedi dimanche janvier février mars avril mai juin "
     "juillet août septembre octobre novembre décembre noël pâques dieu monsieur madame "
     "mademoiselle papa maman oui non bonjour bonsoir salut merci pardon attention stop vite "
     "allez "
     "allons viens attends écoute regarde silence arrête france français paris londres "
     "amérique "
     "allemagne",
     "à", FR_FEELINGS, false},
    {"es", ES_STOP,
     "el la los las un una unos unas mi mis tu tus su sus nuestro nuestra este esta ese esa "
     "aquel "
     "aquella del al cada ningún algún qué",
     "sr sra srta dr dra ud uds etc st",
     "sr señor sra señora srta señorita dr doctor doctora don doña capitán profesor tío tía "
     "padre "
     "rey reina",
     "lunes martes miércoles jueves viernes sábado domingo enero febrero marzo abril mayo "
     "junio "
     "julio agosto septiembre octubre noviembre diciembre navidad dios señor señora papá mamá "
     "sí "
     "no hola adiós gracias perdón cuidado vamos vale venga espera mira oye silencio rápido "
     "españa "
     "español madrid méxico américa parís londres",
     "", ES_FEELINGS, false},
    {"it", IT_STOP,
     "il lo la i gli le un una uno mio mia miei tuo tua suo sua nostro nostra vostro questo "
     "questa "
     "quel quella ogni nessun del della dei al alla che",
     "sig sig.ra dott prof ecc",
     "signor signora signorina dottor dottore professor capitano ispettore don zio zia padre "
     "re "
     "regina",
     "lunedì martedì mercoledì giovedì venerdì sabato domenica gennaio febbraio marzo aprile "
     "maggio giugno luglio agosto settembre ottobre novembre dicembre natale pasqua dio "
     "signore "
     "signora papà mamma sì no ciao grazie prego scusa scusi aiuto attento basta aspetta "
     "andiamo "
     "forza silenzio italia roma milano parigi londra america",
     "", IT_FEELINGS, false},
    {"pt", PT_STOP,
     "o a os as um uma uns umas meu minha meus minhas teu tua seu sua nosso nossa este esta "
     "esse "
     "essa aquele aquela do da dos das no na ao cada nenhum que",
     "sr sra srta dr dra etc",
     "sr senhor sra senhora dr doutor dona capitão professor tio tia padre rei rainha",
     "segunda terça quarta quinta sexta sábado domingo janeiro fevereiro março abril maio "
     "junho "
     "julho agosto setembro outubro novembro dezembro natal deus senhor senhora pai mãe papai "
     "mamãe sim não olá oi tchau adeus obrigado obrigada desculpe cuidado vamos espera olha "
     "silêncio socorro brasil portugal lisboa rio",
     "", PT_FEELINGS, false},
    {"nl", NL_STOP,
     "de het een mijn jouw je zijn haar ons onze hun dit dat deze die geen elke ieder welke",
     "dhr mevr dr prof enz bijv nr st",
     "meneer mevrouw dhr mevr dr dokter professor kapitein oom tante koning koningin",
     "maandag dinsdag woensdag donderdag vrijdag zaterdag zondag januari februari maart april "
     "mei "
     "juni juli augustus september oktober november december kerst god heer meneer mevrouw "
     "papa "
     "mama ja nee hallo hoi dag bedankt sorry kom wacht kijk stil stop help nederland "
     "amsterdam "
     "amerika",
     "in naar uit", NL_FEELINGS, false},
    {"sv", SV_STOP,
     "en ett den det de min mitt mina din ditt dina sin sitt hans hennes vår vårt er denna "
     "detta "
     "dessa någon något ingen varje vilken",
     "hr fr dr prof osv t.ex bl.a st",
     "herr fru fröken dr doktor professor kapten farbror kung drottning",
     "måndag tisdag onsdag torsdag fredag lördag söndag januari februari mars april maj juni "
     "juli "
     "augusti september oktober november december jul gud herr fru pappa mamma ja nej jo hej "
     "tack "
     "förlåt stopp akta vänta titta kom hjälp tyst okej sverige stockholm amerika",
     "i till från", SV_FEELINGS, false},
    {"ru", RU_STOP,
     "этот эта это эти тот та те мой моя моё мои твой твоя твои его её их наш наша ваш ваша "
     "свой "
     "каждый какой какая",
     "г гг т.е т.д т.п др ул стр",
     "господин госпожа доктор капитан профессор дядя тётя тетя товарищ мистер миссис мисс "
     "король "
     "королева",
     "понедельник вторник среда четверг пятница суббота воскресенье январь февраль март апрель "
     "май "
     "июнь июль август сентябрь октябрь ноябрь декабрь бог боже господи да нет привет пока "
     "спасибо "
     "извини простите осторожно стой стоп подожди смотри слушай тихо быстро хорошо ладно "
     "помогите "
     "мама папа россия москва америка лондон париж",
     "в из", RU_FEELINGS, false},
    {"pl", PL_STOP,
     "ten ta to te mój moja moje twój twoja twoje jego jej ich nasz nasza każdy żaden jaki "
     "jaka",
     "p pan dr prof np itd itp m.in ul tzw",
     "pan pani panna dr doktor profesor kapitan wujek ciocia król królowa",
     "poniedziałek wtorek środa czwartek piątek sobota niedziela styczeń luty marzec kwiecień "
     "maj "
     "czerwiec lipiec sierpień wrzesień październik listopad grudzień bóg boże pan pani tata "
     "mama "
     "tak nie cześć dzięki dziękuję przepraszam stój czekaj patrz słuchaj cicho szybko uwaga "
     "pomocy polska warszawa ameryka",
     "w we z ze do",
     "koch*:5 miłoś*:5 nienawi*:6 zabi*:7 morder*:8 śmier*:6 umrze*:6 krew:5 krwi:5 boję:6 "
     "strach*:6 krzy*:4 płacz*:5 łzy:5 ból:5 boli:5 pomoc*:4 ratun*:6 niebezp*:5 atak*:5 "
     "strzel*:5 "
     "ogień:4 uciek*:4 przepr*:3 winn*:4 sam:2 samot*:5 strac*:4 szczęś*:5 rados*:5 pięk*:3 "
     "marze*:3 nadziej*:4 zdrad*:7 kłam*:5 prawd*:3 przysi*:4 obiec*:4 wściek*:6 szalon*:4 "
     "idiot*:5 głup*:4 cholera:5 kurwa:6 piekł*:4 diab*:4 potw*:5 zniszcz*:6 zemst*:7 wojn*:5 "
     "pułapk*:4 rozpacz*:6 całuj*:4 serc*:3 żegnaj:5 woln*:3 dumn*:4 bohater*:4 cud:5 "
     "koszmar*:6 "
     "strasz*:5 uważaj:4",
     false},
    {"", "", "", "mr mrs dr st prof etc", "mr mrs ms dr", "ok okay", "", "", false},
};

const struct md_story_language *md_story_language_table(size_t *ret_n)
{
    *ret_n = sizeof rows / sizeof *rows;
    return rows;
}
